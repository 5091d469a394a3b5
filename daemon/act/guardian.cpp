#include "daemon/act/guardian.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "daemon/act/demotion_file.h"
#include "daemon/act/guardian_duty.h"

namespace pulsed::act {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string("no guardian for demoted threads: ") + what + ": " +
                           std::strerror(errno));
}

// The guardian says one byte when it is ready, and nothing after.
bool became_ready(int life) {
  constexpr int kPatienceMs = 10'000;
  pollfd readable{life, POLLIN, 0};
  char byte = 0;
  while (::poll(&readable, 1, kPatienceMs) < 0 && errno == EINTR) {
  }
  return ::recv(life, &byte, 1, MSG_DONTWAIT) == 1;
}

}  // namespace

Guardian::Guardian(DemotionLedger& ledger) : ledger_(ledger) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail("socketpair");
  life_ = shm::Fd(ends[0]);
  const shm::Fd theirs(ends[1]);
  // No signal finds the child with the daemon's ways of taking it.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_ = ::fork();
  if (pid_ == 0) GuardianDuty::serve(ledger, theirs.get());
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  if (pid_ < 0) fail("fork");
  if (!became_ready(life_.get())) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    errno = ETIMEDOUT;
    fail("it did not start");
  }
}

Guardian::~Guardian() {
  life_.reset();
  constexpr int kTries = 1000;
  const timespec pause{0, 1'000'000};
  for (int i = 0; i < kTries && ::waitpid(pid_, nullptr, WNOHANG) == 0; ++i) {
    ::nanosleep(&pause, nullptr);
  }
}

bool Guardian::alive() const {
  char byte = 0;
  return ::recv(life_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void Guardian::wake() {
  // seq_cst: pairs with its store before it looks a last time and rests
  std::atomic<std::uint32_t>& awake = ledger_.vigil_->awake;
  if (awake.load(std::memory_order_seq_cst) != 0) return;
  awake.store(1, std::memory_order_relaxed);
  const char byte = 0;
  (void)!::send(life_.get(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace pulsed::act
