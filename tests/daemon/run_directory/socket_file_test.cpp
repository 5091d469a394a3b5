#include "daemon/run_directory/socket_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <exception>
#include <string>

#include "tests/support/temp_dir.h"

namespace pulsed {
namespace {

bool can_connect(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const shm::Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

TEST_CASE(
    "a socket that a dead daemon left is replaced, and everybody may connect to the new one") {
  const test::TempDir dir;
  const std::string path = dir.path() + "/a.sock";
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
    { const shm::Fd dead = listen_on_path(path, type); }
    CHECK_FALSE(can_connect(path, type));
    const mode_t before = ::umask(0777);
    const shm::Fd listener = listen_on_path(path, type);
    ::umask(before);
    CHECK(can_connect(path, type));
    struct stat st {};
    REQUIRE(::stat(path.c_str(), &st) == 0);
    CHECK((st.st_mode & 07777) == 0666);
    CHECK((::fcntl(listener.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(listener.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
}

TEST_CASE("without a descriptor what listens there stays, and the message says what was wanting") {
  const test::TempDir dir;
  const std::string path = dir.path() + "/a.sock";
  const shm::Fd listener = listen_on_path(path, SOCK_SEQPACKET);
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlimit none{0, limit.rlim_max};
  std::exception_ptr refusal;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  try {
    (void)listen_on_path(path, SOCK_SEQPACKET);
  } catch (...) {
    // Read only where there are descriptors again: UBSan needs one to check whom what() is called on.
    refusal = std::current_exception();
  }
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(refusal);
  CHECK_THROWS_WITH(std::rethrow_exception(refusal), doctest::Contains("Too many open files"));
  CHECK(can_connect(path, SOCK_SEQPACKET));
}

TEST_CASE("a path that no socket can have is refused with what to do") {
  CHECK_THROWS_WITH(listen_on_path("/" + std::string(107, 'x'), SOCK_STREAM),
                    doctest::Contains("choose a shorter --run-dir"));
  CHECK_THROWS_WITH(listen_on_path("/nowhere/a.sock", SOCK_STREAM),
                    doctest::Contains("No such file or directory; choose a directory"));
}

}  // namespace
}  // namespace pulsed
