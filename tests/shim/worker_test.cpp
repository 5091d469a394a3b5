// The worker line, the totals and the records of polls, as the daemon reads them.
#include <unistd.h>

#include "shim/rseq_mark.h"
#include "tests/shim/attached_service.h"

namespace pulsed::test {
namespace {

constexpr std::uint64_t kLive = std::uint64_t{PULSED_KIND_POLL} << PULSED_REF_KIND_SHIFT;

TEST_CASE("an attached worker says its name and thread on its line") {
  AttachedService s;
  const Worker worker(s.session, "render-1");
  CHECK(worker.attached());
  CHECK(s.line().tid == static_cast<std::uint32_t>(::gettid()));
  CHECK(s.line().state == PULSED_WORKER_ATTACHED);
  CHECK(std::string(s.line().name) == "render-1");
  CHECK(s.peer.service.service->workers_high == 1);
}

TEST_CASE("a name longer than the line is cut and a worker without a name has none") {
  AttachedService s;
  const Worker worker(s.session, "sixteen bytes at most are kept");
  CHECK(std::string(s.line().name, sizeof(s.line().name)) == "sixteen bytes at");
  std::thread([&] {
    CHECK(pulsed_worker_attach(s.session.c_session(), nullptr, 0) == 0);
    CHECK(s.line(1).name[0] == '\0');
  }).join();
}

TEST_CASE("a worker of the isolation pool says so") {
  AttachedService s;
  const Worker worker(s.session, "isolated", true);
  CHECK(s.line().state == (PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION));
}

TEST_CASE("a thread is a worker once") {
  AttachedService s;
  Session other{{.run_dir = s.daemon.run_dir()}};
  const Worker worker(s.session);
  CHECK_FALSE(Worker(s.session).attached());
  CHECK_FALSE(Worker(other).attached());
  CHECK(s.line().state == PULSED_WORKER_ATTACHED);
}

TEST_CASE("no worker is attached beyond the lines there are") {
  AttachedService s({.workers = 1});
  const Worker worker(s.session);
  std::thread([&] {
    const Worker late(s.session);
    CHECK_FALSE(late.attached());
    const PollScope poll(s.session.open(s.session.task_class("a")));
    CHECK_FALSE(should_yield());
    CHECK_FALSE(Worker(s.session).attached());
  }).join();
  CHECK(s.totals(TaskClass{1}).polls == 0);
  REQUIRE(s.log.lines().size() == 1);
  CHECK(s.log.lines()[0].find("raise the session option `workers`") != std::string::npos);
}

TEST_CASE("a line of the isolation pool stays one and is handed to no other worker") {
  AttachedService s({.workers = 2});
  const auto attach = [&](bool isolation, std::uint32_t line) {
    std::thread([&] {
      const Worker worker(s.session, "w", isolation);
      REQUIRE(worker.attached());
      CHECK(s.line(line).state ==
            (PULSED_WORKER_ATTACHED | (isolation ? PULSED_WORKER_ISOLATION : 0)));
    }).join();
    CHECK(s.line(line).state == (isolation ? PULSED_WORKER_ISOLATION : PULSED_WORKER_FREE));
  };
  attach(true, 0);
  attach(false, 1);
  attach(true, 0);
  attach(false, 1);
  const Worker ordinary(s.session);
  std::thread([&] { CHECK_FALSE(Worker(s.session).attached()); }).join();
}

TEST_CASE("a thread that ends is detached and its line serves the next whole") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  for (const char* name : {"the first worker", "w2"}) {
    std::thread([&] {
      CHECK(pulsed_worker_attach(s.session.c_session(), name, 0) == 0);
      CHECK(std::string(s.line().name, strnlen(s.line().name, 16)) == std::string(name));
      const PollScope poll(s.session.open(cls));
    }).join();
    CHECK(s.line().state == PULSED_WORKER_FREE);
    CHECK(s.line().task == 0);
  }
  CHECK(s.peer.service.service->workers_high == 1);
  CHECK(s.totals(cls).polls == 2);
  CHECK(s.line().write == 6);  // each an open, a poll and a close, in one ring
}

TEST_CASE("a worker that detaches can attach again") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  for (int i = 0; i < 3; ++i) {
    const Worker worker(s.session);
    CHECK(worker.attached());
    const PollScope poll(s.session.open(cls));
  }
  CHECK(s.totals(cls).polls == 3);
  CHECK(pulsed_tls_hot == nullptr);
}

TEST_CASE("inline code of another version or size stays inert and says so once") {
  AttachedService s;
  pulsed_session* c = s.session.c_session();
  CHECK(pulsed_worker_attach_checked(c, "w", 0, PULSED_SHIM_VERSION + 1, sizeof(pulsed_hot)) == -1);
  CHECK(pulsed_worker_attach_checked(c, "w", 0, PULSED_SHIM_VERSION, sizeof(pulsed_hot) + 8) == -1);
  CHECK(pulsed_worker_attach_checked(c, "w", 0, PULSED_SHIM_VERSION, 8) == -1);
  CHECK(pulsed_tls_hot == nullptr);
  CHECK(s.log.lines().size() == 1);
  CHECK(s.line().state == PULSED_WORKER_FREE);
}

TEST_CASE("a log out of memory makes a thread no worker") {
  const TempDir nobody;
  Session session{
      {.run_dir = nobody.path(), .log = [](void*, const char*) { throw std::bad_alloc(); }}};
  CHECK(pulsed_worker_attach_checked(session.c_session(), "w", 0, PULSED_SHIM_VERSION + 1,
                                     sizeof(pulsed_hot)) == -1);
  CHECK(Worker(session).attached());
}

TEST_CASE("the line shows the poll in flight and nothing between polls") {
  AttachedService s;
  const Worker worker(s.session);
  const Task task = s.session.open(s.session.task_class("a"));
  CHECK(s.line().task == 0);
  std::uint64_t last_start = 0;
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t before = pulsed_now();
    {
      const PollScope poll(task);
      CHECK(s.line().task == (task.handle().ref | kLive));
      CHECK(s.line().start >= before);
      CHECK(s.line().start <= pulsed_now());
      CHECK(s.line().start > last_start);
      last_start = s.line().start;
    }
    CHECK(s.line().task == 0);
    CHECK(s.line().start == last_start);
  }
}

TEST_CASE("samples and totals and the usage word tell one story") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  shm::RingReader ring = s.peer.ring(0);
  for (int i = 0; i < 100; ++i) {
    const PollScope poll(task);
    if (i % 10 == 0) be_descheduled();
  }
  const std::vector<pulsed_sample> polls = drain(ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == 100);
  std::uint64_t wall = 0, exact = 0, exact_wall = 0;
  for (const pulsed_sample& p : polls) {
    CHECK(task_of(p.ref) == task.handle().ref);
    wall += wall_of(p);
    if ((p.ref & PULSED_FLAG_CPU_EXACT) == 0) continue;
    ++exact;
    exact_wall += wall_of(p);
  }
  CHECK(exact <= 90);
  const pulsed_class_totals& totals = s.totals(cls);
  CHECK(totals.polls == 100);
  CHECK(totals.wall_ticks == wall);
  CHECK(totals.cpu_polls == exact);
  CHECK(totals.cpu_ticks == exact_wall);
  const std::uint64_t usage = s.peer.service.usage[task.handle().ref & PULSED_REF_SLOT_MASK];
  CHECK((usage & 0xffffff) == 100);
  CHECK((usage >> PULSED_USAGE_TICKS_SHIFT) == wall);
}

TEST_CASE("opening and closing a task on a worker is recorded around its polls") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  shm::RingReader ring = s.peer.ring(0);
  pulsed_task handle;
  {
    const Task task = s.session.open(cls);
    handle = task.handle();
    const PollScope poll(task);
  }
  const std::vector<pulsed_sample> samples = drain(ring);
  REQUIRE(samples.size() == 3);
  CHECK(kind_of(samples[0].ref) == PULSED_KIND_OPEN);
  CHECK(kind_of(samples[1].ref) == PULSED_KIND_POLL);
  CHECK(kind_of(samples[2].ref) == PULSED_KIND_CLOSE);
  for (const pulsed_sample& sample : samples) CHECK(task_of(sample.ref) == handle.ref);
}

TEST_CASE("a poll whose task is closed within it ends as usual") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  shm::RingReader ring = s.peer.ring(0);
  {
    auto task = std::make_unique<Task>(s.session.open(cls));
    const PollScope poll(*task);
    task.reset();
  }
  CHECK(drain(ring, PULSED_KIND_POLL).size() == 1);
  CHECK(s.totals(cls).polls == 1);
}

TEST_CASE("queue waits are recorded inside a poll and saturate") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  shm::RingReader ring = s.peer.ring(0);
  {
    const PollScope poll(task);
    pulsed_queue_wait(task.handle(), 1234);
    pulsed_queue_wait(task.handle(), UINT64_MAX);
  }
  const std::vector<pulsed_sample> waits = drain(ring, PULSED_KIND_QUEUE_WAIT);
  REQUIRE(waits.size() == 2);
  CHECK(task_of(waits[0].ref) == task.handle().ref);
  CHECK(wall_of(waits[0]) == 1234);
  CHECK(wall_of(waits[1]) == PULSED_SPAN_WALL_MAX);
  CHECK(s.totals(cls).queue_waits == 2);
  CHECK(s.totals(cls).queue_wait_ticks == 1234 + PULSED_SPAN_WALL_MAX);
}

TEST_CASE("a queue wait since a moment ends where the poll in flight began") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  const Task other = s.session.open(cls);
  shm::RingReader ring = s.peer.ring(0);
  const std::uint64_t queued = pulsed_now();
  pulsed_queue_wait_since(task.handle(), queued);  // no poll is in flight
  const PollScope poll(task);
  pulsed_queue_wait_since(task.handle(), queued);
  const std::uint64_t begun = s.peer.service.lines[0].start;
  pulsed_queue_wait_since(task.handle(),
                          pulsed_now() + (1ULL << 40));  // another CPU's clock is ahead
  const std::uint64_t within = pulsed_now();
  {
    const PollScope nested(other);  // the poll around it is dated anew when it goes on
  }
  const PollScope part_of_it(task);
  pulsed_queue_wait_since(task.handle(), within);
  pulsed_queue_wait_since(task.handle(), queued);
  const std::uint64_t after = pulsed_now();
  const std::vector<pulsed_sample> waits = drain(ring, PULSED_KIND_QUEUE_WAIT);
  REQUIRE(waits.size() == 4);
  CHECK(wall_of(waits[0]) == begun - queued);
  CHECK(wall_of(waits[1]) == 0);
  CHECK(wall_of(waits[2]) <= after - within);
  CHECK(wall_of(waits[3]) >= wall_of(waits[2]) + (within - queued));
  CHECK(wall_of(waits[3]) <= after - queued);
  CHECK(s.totals(cls).queue_waits == 4);
}

TEST_CASE("a poll longer than a span can say saturates") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  shm::RingReader ring = s.peer.ring(0);
  const auto poll_since_long = [&] {
    const PollScope poll(task);
    pulsed_tls_hot->start -= PULSED_SPAN_WALL_MAX + 1;
  };
  poll_since_long();
  s.peer.ask_task(task.handle(), PULSED_DIRECTIVE_MEASURE);
  poll_since_long();
  for (const pulsed_sample& p : drain(ring, PULSED_KIND_POLL)) {
    CHECK(wall_of(p) == PULSED_SPAN_WALL_MAX);
  }
  CHECK(s.totals(cls).wall_ticks == 2 * PULSED_SPAN_WALL_MAX);
}

TEST_CASE("a poll asked to be measured says its CPU time when it was descheduled") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  shm::RingReader ring = s.peer.ring(0);
  s.peer.ask_task(task.handle(), PULSED_DIRECTIVE_MEASURE);
  {
    const PollScope poll(task);
    be_descheduled();
  }
  const std::vector<pulsed_sample> polls = drain(ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == 1);
  CHECK((polls[0].ref & PULSED_FLAG_CPU_EXACT) == 0);
  CHECK((polls[0].ref & PULSED_FLAG_CPU_MEASURED) != 0);
  CHECK(cpu_of(polls[0]) > 0);
  CHECK(cpu_of(polls[0]) <= wall_of(polls[0]) + PULSED_SPAN_CPU_UNIT);
  CHECK(s.totals(cls).cpu_polls == 1);
  CHECK(s.totals(cls).cpu_ticks <= s.totals(cls).wall_ticks);
}

TEST_CASE("a poll is measured no longer once nobody asks") {
  AttachedService s;
  const Worker worker(s.session);
  const Task task = s.session.open(s.session.task_class("a"));
  shm::RingReader ring = s.peer.ring(0);
  for (const std::uint32_t asked : {PULSED_DIRECTIVE_MEASURE, PULSED_DIRECTIVE_NONE}) {
    s.peer.ask_task(task.handle(), asked);
    const PollScope poll(task);
    be_descheduled();
  }
  const std::vector<pulsed_sample> polls = drain(ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == 2);
  CHECK((polls[0].ref & PULSED_FLAG_CPU_MEASURED) != 0);
  CHECK((polls[1].ref & PULSED_FLAG_CPU_MEASURED) == 0);
}

TEST_CASE("a poll is measured only while the lease holds") {
  AttachedService s;
  const Worker worker(s.session);
  const Task task = s.session.open(s.session.task_class("a"));
  shm::RingReader ring = s.peer.ring(0);
  s.peer.ask_task(task.handle(), PULSED_DIRECTIVE_MEASURE);
  s.peer.let_lease_run_out();
  {
    const PollScope poll(task);
    be_descheduled();
  }
  const std::vector<pulsed_sample> polls = drain(ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == 1);
  CHECK((polls[0].ref & PULSED_FLAG_CPU_MEASURED) == 0);
}

TEST_CASE("a mark that the kernel leaves standing over a sleep is found out") {
  volatile std::uint64_t field_nobody_clears = 0;
  CHECK(shim::mark_outlasts_sleep({&field_nobody_clears, 1}));
  CHECK(field_nobody_clears == 0);
  CHECK_FALSE(shim::mark_outlasts_sleep({nullptr, 1}));
}

TEST_CASE("an end without a begin does nothing") {
  AttachedService s;
  const Worker worker(s.session);
  pulsed_poll_end();
  CHECK(s.line().write == 0);
  { const PollScope poll(Task{}); }
  pulsed_poll_end();
  CHECK(s.line().write == 1);
}

TEST_CASE("polls of several workers are booked each on its own line") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const Worker worker(s.session);
      const Task task = s.session.open(cls);
      for (int i = 0; i < 1000; ++i) const PollScope poll(task);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::uint64_t polls = 0;
  for (std::uint32_t w = 0; w < 4; ++w) polls += s.totals(cls, w).polls;
  CHECK(polls == 4000);
}

}  // namespace
}  // namespace pulsed::test
