// The handshake, with daemons that refuse, differ, stay silent or talk nonsense.
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "shim/attach.h"
#include "tests/shim/attached_service.h"

namespace pulsed::test {
namespace {

struct Refused {
  FakeDaemon daemon;
  Log log;
  Session session{{.run_dir = daemon.run_dir(), .log = Log::add, .log_context = &log}};

  // The session comes back by itself each time it is refused.
  void thrice(const std::function<void(FakeDaemon::Peer&, pulsed_welcome&)>& spoil) {
    for (int i = 0; i < 3; ++i) {
      const FakeDaemon::Peer peer = daemon.accept(spoil);
      char byte = 0;
      CHECK(::recv(peer.socket.get(), &byte, 1, 0) == 0);
      CHECK_FALSE(session.attached());
    }
  }
};

void rewrite_header(FakeDaemon::Peer& peer,
                    const std::function<void(pulsed_segment_header&)>& edit) {
  pulsed_segment_header header = peer.end.service_header;
  header.magic = PULSED_MAGIC_S;
  edit(header);
  REQUIRE(::pwrite(peer.end.service_fd.get(), &header, sizeof(header), 0) == sizeof(header));
  edit(*reinterpret_cast<pulsed_segment_header*>(peer.end.daemon.data()));
}

TEST_CASE("a wrong major is refused quietly and the service runs on") {
  Refused r;
  r.thrice([](FakeDaemon::Peer& peer, pulsed_welcome&) {
    rewrite_header(peer, [](pulsed_segment_header& h) { h.abi_major = 2; });
  });
  REQUIRE(r.log.lines().size() == 1);
  CHECK(r.log.lines()[0] == r.daemon.run_dir() +
                                ": the daemon's segments were refused: ABI major 2, not 1; the "
                                "service runs on unwatched");
  const FakeDaemon::Peer peer = r.daemon.accept();
  CHECK(r.session.wait_attached(kLong));
}

TEST_CASE("a daemon that refuses is quoted once") {
  Refused r;
  r.thrice([](FakeDaemon::Peer&, pulsed_welcome& welcome) {
    welcome.status = PULSED_ATTACH_TOO_MANY;
    std::strcpy(welcome.reason, "uid 1000 has 16 services already");
  });
  REQUIRE(r.log.lines().size() == 1);
  CHECK(r.log.lines()[0].find("uid 1000 has 16 services already") != std::string::npos);
}

TEST_CASE("each different refusal is said once") {
  Refused r;
  const auto refuse = [&](const char* why) {
    (void)r.daemon.accept([&](FakeDaemon::Peer&, pulsed_welcome& welcome) {
      welcome.status = PULSED_ATTACH_DENIED;
      std::strcpy(welcome.reason, why);
    });
  };
  for (const char* why : {"first", "second", "first", "second", "third"}) refuse(why);
  const FakeDaemon::Peer peer = r.daemon.accept();  // by now the last refusal was said
  CHECK(r.log.lines().size() == 3);
}

TEST_CASE("a session out of memory on its own thread tries again") {
  FakeDaemon daemon;
  Session session{
      {.run_dir = daemon.run_dir(), .log = [](void*, const char*) { throw std::bad_alloc(); }}};
  (void)daemon.accept([](FakeDaemon::Peer&, pulsed_welcome& welcome) {
    welcome.status = PULSED_ATTACH_DENIED;  // which is said
  });
  const FakeDaemon::Peer peer = daemon.accept();
  CHECK(session.wait_attached(kLong));
}

TEST_CASE("a reason that is not terminated is cut and not overrun") {
  Refused r;
  r.thrice([](FakeDaemon::Peer&, pulsed_welcome& welcome) {
    welcome.status = PULSED_ATTACH_ERROR;
    std::memset(welcome.reason, 'x', sizeof(welcome.reason));
  });
  REQUIRE(r.log.lines().size() == 1);
  CHECK(r.log.lines()[0].find(std::string(95, 'x') + ';') != std::string::npos);
}

TEST_CASE("a newer minor with a further region is attached") {
  FakeDaemon daemon;
  Session session{{.run_dir = daemon.run_dir()}};
  const TaskClass cls = session.task_class("a");
  const FakeDaemon::Peer peer = daemon.accept([](FakeDaemon::Peer& p, pulsed_welcome& welcome) {
    welcome.abi_minor = 7;
    rewrite_header(p, [](pulsed_segment_header& h) {
      h.abi_minor = 7;
      h.regions[h.region_count++] = {h.segment_bytes, 0, 8, 0};
    });
  });
  REQUIRE(session.wait_attached(kLong));
  const Worker worker(session);
  { const PollScope poll(session.open(cls)); }
  CHECK(peer.service.totals[cls.id()].polls == 1);
}

TEST_CASE("a daemon of another clock is refused") {
  Refused r;
  r.thrice([](FakeDaemon::Peer& peer, pulsed_welcome&) {
    rewrite_header(peer, [](pulsed_segment_header& h) { h.clock_kind = PULSED_CLOCK_NONE; });
  });
  REQUIRE(r.log.lines().size() == 1);
  CHECK(r.log.lines()[0].find("another clock") != std::string::npos);
}

TEST_CASE("the clock is the one the library was loaded with") {
  FakeDaemon daemon;
  ::setenv("PULSED_CLOCK", "monotonic", 1);
  Session session{{.run_dir = daemon.run_dir()}};
  const FakeDaemon::Peer peer = daemon.accept([](FakeDaemon::Peer& p, pulsed_welcome&) {
    rewrite_header(p, [](pulsed_segment_header& h) {
      h.clock_kind = pulsed_clock_is_tsc != 0 ? PULSED_CLOCK_TSC : PULSED_CLOCK_MONOTONIC;
    });
  });
  CHECK(session.wait_attached(kLong));
  ::unsetenv("PULSED_CLOCK");
}

TEST_CASE("an answer that is not a welcome is refused and said once") {
  Refused r;
  r.thrice([](FakeDaemon::Peer&, pulsed_welcome& welcome) { welcome.magic = 1; });
  REQUIRE(r.log.lines().size() == 1);
  CHECK(r.log.lines()[0].find("no welcome") != std::string::npos);
}

TEST_CASE("a daemon that is there but silent is said once") {
  Refused r;
  while (r.log.lines().empty()) std::this_thread::yield();
  CHECK(r.log.lines()[0].find("does not answer") != std::string::npos);
}

TEST_CASE("a session that is being closed does not wait for a welcome") {
  const FakeDaemon daemon;
  const shm::Fd stop(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  shim::AttachFailure failure{};
  CHECK_FALSE(shim::attach(daemon.run_dir(), "a", {}, stop.get(), failure).has_value());
  CHECK(failure.text == "the session is closed");
  CHECK_FALSE(failure.worth_saying);
}

TEST_CASE("a daemon that never answers does not hold up the end of the session") {
  FakeDaemon daemon;
  const auto began = std::chrono::steady_clock::now();
  {
    const Session session{{.run_dir = daemon.run_dir()}};
    // The connection waits in the daemon's queue, so the session is at its handshake or before it.
  }
  CHECK(std::chrono::steady_clock::now() - began < kLong);
}

TEST_CASE("a run directory too long for a socket is said once") {
  Log log;
  const std::string dir = "/" + std::string(200, 'd');
  {
    Session session{{.run_dir = dir, .log = Log::add, .log_context = &log}};
    while (log.lines().empty()) std::this_thread::yield();
    CHECK_FALSE(session.wait_attached(std::chrono::milliseconds(200)));
  }
  CHECK(log.lines().size() == 1);
}

pulsed_clocks ask(const FakeDaemon::Peer& peer, std::vector<std::uint32_t> workers) {
  pulsed_clocks message{};
  message.magic = PULSED_ATTACH_MAGIC;
  message.type = PULSED_MESSAGE_READ_CLOCKS;
  message.count = static_cast<std::uint32_t>(workers.size());
  std::copy(workers.begin(), workers.end(), message.worker);
  REQUIRE(::send(peer.socket.get(), &message, sizeof(message), MSG_NOSIGNAL) == sizeof(message));
  pulsed_clocks answer{};
  REQUIRE(::recv(peer.socket.get(), &answer, sizeof(answer), 0) == sizeof(answer));
  return answer;
}

std::uint64_t own_cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

TEST_CASE("the service says the CPU clocks of its workers when asked") {
  AttachedService s;
  const Worker worker(s.session);
  const std::uint64_t before = own_cpu_ns();
  const pulsed_clocks answer = ask(s.peer, {0, 1, 5000});
  CHECK(answer.type == PULSED_MESSAGE_CLOCKS);
  CHECK(answer.count == 3);
  CHECK(answer.at_ns != 0);
  CHECK(answer.cpu_ns[0] >= before);
  CHECK(answer.cpu_ns[0] <= own_cpu_ns());
  CHECK(answer.cpu_ns[1] == PULSED_CLOCK_UNREADABLE);
  CHECK(answer.cpu_ns[2] == PULSED_CLOCK_UNREADABLE);
}

TEST_CASE("messages of a newer daemon are passed over") {
  AttachedService s;
  const Worker worker(s.session);
  pulsed_clocks odd{};
  odd.magic = PULSED_ATTACH_MAGIC;
  odd.type = 99;
  REQUIRE(::send(s.peer.socket.get(), &odd, sizeof(odd), MSG_NOSIGNAL) == sizeof(odd));
  REQUIRE(::send(s.peer.socket.get(), &odd, 12, MSG_NOSIGNAL) == 12);
  CHECK(ask(s.peer, {0}).count == 1);
  CHECK(s.session.attached());
}

TEST_CASE("a request for more clocks than fit ends the attachment") {
  AttachedService s;
  pulsed_clocks odd{};
  odd.magic = PULSED_ATTACH_MAGIC;
  odd.type = PULSED_MESSAGE_READ_CLOCKS;
  odd.count = PULSED_CLOCKS_A_MESSAGE + 1;
  REQUIRE(::send(s.peer.socket.get(), &odd, sizeof(odd), MSG_NOSIGNAL) == sizeof(odd));
  char byte = 0;
  CHECK(::recv(s.peer.socket.get(), &byte, 1, 0) == 0);
  s.accept();
}

TEST_CASE(
    "what the daemon can do is looked for again soon after the attach, and then ever more rarely") {
  using Clock = std::chrono::steady_clock;
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const shm::Fd ours(ends[0]);
  const shm::Fd theirs(ends[1]);
  const shm::Fd stop(::eventfd(0, EFD_CLOEXEC));
  const shm::Fd poke(::eventfd(0, EFD_CLOEXEC));
  std::vector<Clock::time_point> looks;
  const auto look = [&] {
    looks.push_back(Clock::now());
    const std::uint64_t one = 1;
    if (looks.size() == 5) REQUIRE(::write(stop.get(), &one, sizeof(one)) == sizeof(one));
    return true;
  };
  const auto no_clocks = [](const auto&) { return std::vector<std::uint64_t>(); };
  CHECK(shim::serve(ours.get(), stop.get(), poke.get(), no_clocks, look) == shim::Wake::kStop);
  REQUIRE(looks.size() == 5);
  // Of 150 ms together; a second each would be four.
  CHECK(looks.back() - looks.front() < std::chrono::seconds{2});
  for (std::size_t i = 1; i < looks.size(); ++i) {
    CHECK(looks[i] - looks[i - 1] >= std::chrono::milliseconds{5} * (1 << i));
  }
}

}  // namespace
}  // namespace pulsed::test
