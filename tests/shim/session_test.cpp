#include <cerrno>
#include <cstdlib>

#include "tests/shim/attached_service.h"

namespace pulsed::test {
namespace {

struct Refusal {
  int error;
  std::vector<std::string> lines;
};

Refusal refusal(pulsed_session_options options) {
  Log log;
  options.size = sizeof(options);
  options.log = Log::add;
  options.log_context = &log;
  errno = 0;
  pulsed_session* session = pulsed_session_open(&options);
  const int error = errno;
  CHECK(session == nullptr);
  pulsed_session_close(session);
  return {error, log.lines()};
}

TEST_CASE("without a daemon every call does nothing and nothing is said") {
  const TempDir nobody;
  Log log;
  Session session{{.run_dir = nobody.path(), .log = Log::add, .log_context = &log}};
  CHECK_FALSE(session.attached());
  CHECK_FALSE(session.wait_attached(std::chrono::milliseconds(0)));
  const TaskClass cls = session.task_class("a");
  CHECK(cls.id() != 0);
  {
    const Worker worker(session, "w");
    CHECK(worker.attached());
    CHECK(pulsed_tls_hot == nullptr);
    Task task = session.open(cls);
    {
      const PollScope poll(task);
      CHECK_FALSE(should_yield());
      yielding();
      pulsed_queue_wait(task.handle(), 5);
      task.set_class(session.task_class("b"));
    }
    CHECK(task.directive() == 0);
    CHECK(task.weight() == PULSED_WEIGHT_ORDINARY);
  }
  CHECK(log.lines().empty());
}

TEST_CASE("a null session and no task are taken everywhere") {
  CHECK(pulsed_session_attached(nullptr) == 0);
  CHECK(pulsed_session_wait_attached(nullptr, 0) == 0);
  CHECK(pulsed_class(nullptr, "a", PULSED_PRIORITY_HIGH) == 0);
  CHECK(pulsed_worker_attach(nullptr, "w", 0) == -1);
  pulsed_task task = pulsed_task_open(nullptr, 1);
  CHECK(task.ref == 0);
  CHECK(pulsed_task_directive(nullptr, task) == 0);
  CHECK(pulsed_task_weight(nullptr, task) == PULSED_WEIGHT_ORDINARY);
  pulsed_task_set_class(nullptr, &task, 1);
  pulsed_task_close(nullptr, task);
  pulsed_worker_detach();
  pulsed_session_close(nullptr);
  const Task none;
  const PollScope poll(none);
  CHECK_FALSE(should_yield());
}

TEST_CASE("options out of range are refused by name") {
  const auto expect = [](const pulsed_session_options& options, const char* line) {
    const Refusal r = refusal(options);
    CHECK(r.error == EINVAL);
    CHECK(r.lines == std::vector<std::string>{line});
  };
  expect({.workers = 4097}, "session options: workers: 4097 is not in [1, 4096]");
  expect({.ring_samples = 32}, "session options: ring_samples: 32 is not in [64, 1048576]");
  expect({.ring_samples = 100}, "session options: ring_samples: 100 is not a power of two");
  expect({.tasks = 63}, "session options: tasks: 63 is not in [64, 16777216]");
  expect({.classes = 1}, "session options: classes: 1 is not in [2, 4096]");
  const std::string long_name(64, 'x');
  expect({.service = long_name.c_str()}, "session options: service: longer than 63 bytes");
}

TEST_CASE("in C++ an option out of range throws") {
  CHECK_THROWS_AS(Session({.workers = 5000, .log = [](void*, const char*) {}}), std::runtime_error);
}

TEST_CASE("options of an older header keep later fields at their defaults") {
  FakeDaemon daemon;
  const std::string dir = daemon.run_dir();
  pulsed_session_options options{};
  options.run_dir = dir.c_str();
  options.workers = 9999;  // beyond what the older header had
  options.size = offsetof(pulsed_session_options, workers);
  pulsed_session* session = pulsed_session_open(&options);
  REQUIRE(session != nullptr);
  CHECK(daemon.accept().hello.workers == 2 * 64);
  pulsed_session_close(session);
}

// Guarantee: a task that is closed while the shim's thread tells a new daemon of every task stays closed.
TEST_CASE("what changes while a daemon is told of every task is told last") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  std::vector<pulsed_task> tasks(20'000);
  bool told = true;
  for (int round = 0; round < 20 && told; ++round) {
    for (pulsed_task& task : tasks) task = pulsed_task_open(s.session.c_session(), cls.id());
    s.lose_daemon_and_accept();
    for (const pulsed_task task : tasks) pulsed_task_close(s.session.c_session(), task);
    for (const pulsed_task task : tasks) {
      const auto state = [&] {
        return __atomic_load_n(&s.peer.service.identity[task.ref & PULSED_REF_SLOT_MASK],
                               __ATOMIC_RELAXED) &
               PULSED_IDENTITY_STATE_MASK;
      };
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
      while (state() != PULSED_IDENTITY_FREE && std::chrono::steady_clock::now() < end) {
        std::this_thread::yield();
      }
      told = told && state() == PULSED_IDENTITY_FREE;
    }
  }
  CHECK(told);
}

TEST_CASE("the hello says who the service is and what it asks for") {
  const AttachedService s(
      {.service = "shop", .workers = 4, .ring_samples = 128, .tasks = 256, .classes = 16});
  const pulsed_hello& hello = s.peer.hello;
  CHECK(hello.magic == PULSED_ATTACH_MAGIC);
  CHECK(hello.type == PULSED_MESSAGE_HELLO);
  CHECK(hello.abi_major == PULSED_ABI_MAJOR);
  CHECK(std::string(hello.service) == "shop");
  CHECK(s.peer.dimensions == shm::Dimensions{8, 128, 256, 16});  // 4 of them for spare workers
  CHECK(s.log.lines().empty());
}

TEST_CASE("no more worker lines are asked for than there may be") {
  const AttachedService s({.workers = 3000, .ring_samples = 64, .tasks = 64, .classes = 2});
  CHECK(s.peer.dimensions.workers == 4096);
}

TEST_CASE("the environment names the run directory and can keep a session detached") {
  FakeDaemon daemon;
  ::setenv("PULSED_RUN_DIR", daemon.run_dir().c_str(), 1);
  {
    Session session;
    const FakeDaemon::Peer peer = daemon.accept();
    CHECK(session.wait_attached(kLong));
  }
  ::setenv("PULSED_DISABLE", "1", 1);
  {
    Session session;
    const Worker worker(session);
    const Task task = session.open(session.task_class("a"));
    const PollScope poll(task);
    CHECK_FALSE(session.attached());
  }
  ::unsetenv("PULSED_DISABLE");
  ::unsetenv("PULSED_RUN_DIR");
}

TEST_CASE("classes registered before and after the attach are published with their names") {
  FakeDaemon daemon;
  Session session{{.run_dir = daemon.run_dir()}};
  const TaskClass before = session.task_class("before", Priority::kCritical);
  const FakeDaemon::Peer peer = daemon.accept();
  REQUIRE(session.wait_attached(kLong));
  const TaskClass after = session.task_class("after", Priority::kLow);
  CHECK(peer.service.service->classes_high == 3);
  const pulsed_class_record* records = peer.service.classes;
  CHECK(std::string(records[before.id()].name, records[before.id()].name_length) == "before");
  CHECK(records[before.id()].priority == PULSED_PRIORITY_CRITICAL);
  CHECK(std::string(records[after.id()].name, records[after.id()].name_length) == "after");
  CHECK(records[after.id()].priority == PULSED_PRIORITY_LOW);
}

TEST_CASE("a class has one id and its first priority") {
  AttachedService s;
  const TaskClass a = s.session.task_class("a", Priority::kHigh);
  CHECK(s.session.task_class("a", Priority::kLow) == a);
  CHECK(s.session.task_class("b") != a);
  CHECK(s.peer.service.classes[a.id()].priority == PULSED_PRIORITY_HIGH);
}

TEST_CASE("names that no class may bear get the unnamed class") {
  const TempDir nobody;
  Log log;
  Session session{{.run_dir = nobody.path(), .log = Log::add, .log_context = &log}};
  const auto id = [&](const std::string& name) { return session.task_class(name).id(); };
  CHECK(id(std::string(55, 'x')) != 0);
  CHECK(id("caf\u00e9/\u2615/\U0001f600") != 0);
  CHECK(id("") == 0);
  CHECK(id(std::string(56, 'x')) == 0);
  CHECK(id("tab\there") == 0);
  CHECK(id("caf\xe9") == 0);  // Latin-1
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines()[0].find("class name is not valid") != std::string::npos);
}

TEST_CASE("a full class table gives the unnamed class and keeps what it has") {
  const TempDir nobody;
  Log log;
  Session session{{.run_dir = nobody.path(), .classes = 2, .log = Log::add, .log_context = &log}};
  const TaskClass a = session.task_class("a");
  CHECK(a.id() == 1);
  CHECK(session.task_class("b").id() == 0);
  CHECK(session.task_class("c").id() == 0);
  CHECK(session.task_class("a") == a);
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines()[0].find("raise the session option `classes`") != std::string::npos);
}

TEST_CASE("after the daemon is lost and back all that the service is stands in the new segments") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  const Worker worker(s.session, "w0");
  const Task task = s.session.open(cls);
  { const PollScope poll(task); }
  const FakeDaemon::Peer old = std::move(s.peer);
  s.peer = {};
  const_cast<FakeDaemon::Peer&>(old).socket.reset();
  while (s.session.attached()) std::this_thread::yield();
  CHECK_FALSE(should_yield());
  s.accept();
  CHECK(s.peer.service.service->workers_high == 1);
  CHECK(s.peer.service.service->classes_high == 2);
  CHECK(std::string(s.line().name) == "w0");
  CHECK(s.identity(task.handle()) == old.service.identity[task.handle().ref & 0xffffff]);
  { const PollScope poll(task); }
  CHECK(s.totals(cls).polls == 1);
  CHECK(old.service.lines[0].write == 2);  // an open and a poll
}

TEST_CASE("a poll in flight when the daemon goes ends where it began") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  const Worker worker(s.session);
  const Task task = s.session.open(cls);
  FakeDaemon::Peer old;
  {
    const PollScope poll(task);
    old = std::move(s.peer);
    s.peer = {};
    old.socket.reset();
    while (s.session.attached()) std::this_thread::yield();
    s.accept();
    CHECK(s.line().task == 0);
  }
  CHECK(old.service.totals[cls.id()].polls == 1);
  CHECK(s.totals(cls).polls == 0);
  { const PollScope poll(task); }
  CHECK(s.totals(cls).polls == 1);
}

TEST_CASE("a task opened in a poll that outlasts a daemon is known to the next daemon") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  const Worker worker(s.session);
  const Task task = s.session.open(cls);
  const PollScope poll(task);
  s.lose_daemon_and_accept();
  const Task young = s.session.open(cls);
  CHECK(s.identity(young.handle()) ==
        (1U << 16 | std::uint32_t{cls.id()} << 4 | PULSED_IDENTITY_LIVE));
}

TEST_CASE("closing a session ends its connection") {
  FakeDaemon daemon;
  FakeDaemon::Peer peer;
  {
    Session session{{.run_dir = daemon.run_dir()}};
    peer = daemon.accept();
    REQUIRE(session.wait_attached(kLong));
  }
  char byte = 0;
  CHECK(::recv(peer.socket.get(), &byte, 1, 0) == 0);
}

// Guarantee: a session lives as long as a thread is its worker, so that no worker touches freed memory. (Run it with
// AddressSanitizer.)
TEST_CASE(
    "a thread that is still a worker after the session was closed polls to no effect and ends") {
  auto s = std::make_unique<AttachedService>();
  const pulsed_task task = pulsed_task_open(s->session.c_session(), 0);
  std::atomic<int> step{0};
  const auto reach = [&](int n) {
    step = n;
    step.notify_all();
  };
  const auto await = [&](int n) {
    for (int now = step; now < n; now = step) step.wait(now);
  };
  std::thread idle([&] {
    CHECK(pulsed_worker_attach(s->session.c_session(), "idle", 0) == 0);
    reach(1);
    await(3);
    pulsed_poll_begin(task);
    CHECK(pulsed_tls_hot == nullptr);
    CHECK_FALSE(should_yield());
    pulsed_poll_end();
  });
  await(1);
  std::thread polling([&] {
    CHECK(pulsed_worker_attach(s->session.c_session(), "polling", 0) == 0);
    pulsed_poll_begin(task);
    reach(2);
    await(3);
    CHECK_FALSE(should_yield());
    pulsed_poll_end();
    const PollScope poll(task);
    CHECK(pulsed_tls_hot == nullptr);
  });
  await(2);
  s.reset();
  reach(3);
  idle.join();
  polling.join();
}

TEST_CASE("a worker of a closed session can become one of another session") {
  const TempDir nobody;
  Session other{{.run_dir = nobody.path()}};
  std::thread([&] {
    {
      Session closed{{.run_dir = nobody.path()}};
      CHECK(pulsed_worker_attach(closed.c_session(), "w", 0) == 0);
      CHECK(pulsed_worker_attach(other.c_session(), "w", 0) == -1);
    }
    CHECK(pulsed_worker_attach(other.c_session(), "w", 0) == 0);
  }).join();
}

TEST_CASE("many sessions of one process attach each for itself") {
  FakeDaemon daemon;
  Session a{{.service = "a", .run_dir = daemon.run_dir()}};
  const FakeDaemon::Peer peer_a = daemon.accept();
  Session b{{.service = "b", .run_dir = daemon.run_dir()}};
  const FakeDaemon::Peer peer_b = daemon.accept();
  CHECK(a.wait_attached(kLong));
  CHECK(b.wait_attached(kLong));
  CHECK(std::string(peer_a.hello.service) == "a");
  CHECK(std::string(peer_b.hello.service) == "b");
}

// Guarantee: whatever the moment at which the daemon goes and comes, a thread that has detached is inert, and its next
// poll touches no memory of the shim.
TEST_CASE("workers come and go while daemons come and go") {
  AttachedService s({.tasks = 64, .classes = 4096});
  // Long tables make the shim hold its lock longest just when it gives workers their new segments.
  for (int i = 1; i < 4096; ++i) (void)s.session.task_class("class " + std::to_string(i));
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      const Task task = s.session.open(TaskClass{1});
      while (!stop.load()) {
        {
          const Worker worker(s.session, "comes and goes");
          const PollScope poll(task);
        }
        const PollScope inert(task);
        if (should_yield()) stop = true;
      }
    });
  }
  for (int i = 0; i < 20; ++i) s.lose_daemon_and_accept();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(should_yield());
}

}  // namespace
}  // namespace pulsed::test
