#include "tests/shim/attached_service.h"

namespace pulsed::test {
namespace {

constexpr auto kIsolate = PULSED_DIRECTIVE_ISOLATE;
constexpr auto kMeasure = PULSED_DIRECTIVE_MEASURE;

std::uint32_t weighing(std::uint32_t weight) { return weight << PULSED_WORD_WEIGHT_SHIFT; }

TEST_CASE("a task's identity is published when it is opened and when it is closed") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  const auto check = [&] {
    pulsed_task handle;
    {
      const Task task = s.session.open(cls);
      handle = task.handle();
      CHECK(s.identity(handle) == (1U << 16 | std::uint32_t{cls.id()} << 4 | PULSED_IDENTITY_LIVE));
    }
    CHECK((s.identity(handle) & PULSED_IDENTITY_STATE_MASK) == PULSED_IDENTITY_FREE);
  };
  check();  // from a thread that is no worker
  const Worker worker(s.session);
  check();
}

TEST_CASE("tasks opened before the attach are known after it") {
  FakeDaemon daemon;
  Session session{{.run_dir = daemon.run_dir()}};
  const Task task = session.open(session.task_class("a"));
  const FakeDaemon::Peer peer = daemon.accept();
  REQUIRE(session.wait_attached(kLong));
  const std::uint64_t slot = task.handle().ref & PULSED_REF_SLOT_MASK;
  CHECK((peer.service.identity[slot] & PULSED_IDENTITY_STATE_MASK) == PULSED_IDENTITY_LIVE);
}

TEST_CASE("a full table still gives tasks their class and counts them") {
  AttachedService s({.tasks = 64});
  const TaskClass cls = s.session.task_class("a");
  std::vector<Task> tasks;
  while (tasks.empty() || (tasks.back().handle().ref & PULSED_REF_SLOT_MASK) != 0) {
    tasks.push_back(s.session.open(cls));
  }
  CHECK(tasks.back().handle().ref == std::uint64_t{cls.id()} << PULSED_REF_CLASS_SHIFT);
  CHECK(s.peer.service.service->table_full == 1);
  (void)s.session.open(cls);
  CHECK(s.peer.service.service->table_full == 2);
  REQUIRE(s.log.lines().size() == 1);
  CHECK(s.log.lines()[0].find("raise the session option `tasks`") != std::string::npos);
  const Worker worker(s.session);
  { const PollScope poll(tasks.back()); }
  CHECK(s.totals(cls).polls == 1);
  tasks.clear();
  CHECK((s.session.open(cls).handle().ref & PULSED_REF_SLOT_MASK) != 0);
}

TEST_CASE("a class that nobody registered is the unnamed one") {
  AttachedService s({.classes = 16});
  const TaskClass cls = s.session.task_class("a");
  for (const int id : {cls.id() + 1, 15, 16, 4095, 65535}) {
    const auto unknown = static_cast<std::uint16_t>(id);
    pulsed_task task = pulsed_task_open(s.session.c_session(), unknown);
    CHECK(class_of(task.ref) == 0);
    CHECK((task.ref & PULSED_REF_SLOT_MASK) != 0);
    pulsed_task_set_class(s.session.c_session(), &task, cls.id());
    CHECK(class_of(task.ref) == cls.id());
    pulsed_task_set_class(s.session.c_session(), &task, unknown);
    CHECK(class_of(task.ref) == 0);
  }
}

TEST_CASE("a task closed twice frees its slot once") {
  AttachedService s;
  pulsed_session* c = s.session.c_session();
  const auto check = [&] {
    const pulsed_task task = pulsed_task_open(c, 0);
    pulsed_task_close(c, task);
    pulsed_task_close(c, task);
    std::vector<std::uint64_t> slots;
    for (int i = 0; i < 200; ++i) {
      slots.push_back(pulsed_task_open(c, 0).ref & PULSED_REF_SLOT_MASK);
    }
    std::sort(slots.begin(), slots.end());
    CHECK(std::adjacent_find(slots.begin(), slots.end()) == slots.end());
  };
  check();
  const Worker worker(s.session);
  check();
}

TEST_CASE("a stale handle closes nothing of the task that has its slot now") {
  AttachedService s({.tasks = 64});
  pulsed_session* c = s.session.c_session();
  const pulsed_task stale = pulsed_task_open(c, 0);
  pulsed_task_close(c, stale);
  std::vector<pulsed_task> live;
  do {
    live.push_back(pulsed_task_open(c, 0));
  } while ((live.back().ref & PULSED_REF_SLOT_MASK) != (stale.ref & PULSED_REF_SLOT_MASK));
  pulsed_task_close(c, stale);
  CHECK((s.identity(live.back()) & PULSED_IDENTITY_STATE_MASK) == PULSED_IDENTITY_LIVE);
}

TEST_CASE("a task obeys its own word and a task without one its class's") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  const auto check = [&] {
    s.peer.ask_class(cls.id(), kMeasure);
    s.peer.ask_task(task.handle(), 0);
    CHECK(task.directive() == 0);  // the word is the task's own, and asks nothing
    s.peer.ask_task(task.handle(), kIsolate);
    CHECK(task.directive() == kIsolate);
    CHECK(task.isolated());
    pulsed_task earlier = task.handle();
    earlier.ref += std::uint64_t{1} << PULSED_REF_GENERATION_SHIFT;
    CHECK(pulsed_task_directive(s.session.c_session(), earlier) == kMeasure);
    const pulsed_task slotless{std::uint64_t{cls.id()} << PULSED_REF_CLASS_SHIFT};
    CHECK(pulsed_task_directive(s.session.c_session(), slotless) == kMeasure);
  };
  check();  // through the session's lock, and on a worker without it
  const Worker worker(s.session);
  check();
}

TEST_CASE("a fresh task starts from its class's word whatever its slot's last task was asked") {
  AttachedService s({.tasks = 64});
  const TaskClass cls = s.session.task_class("a");
  pulsed_session* c = s.session.c_session();
  const pulsed_task old = pulsed_task_open(c, cls.id());
  s.peer.ask_task(old, kIsolate);
  REQUIRE(pulsed_task_directive(c, old) == kIsolate);
  pulsed_task_close(c, old);
  std::vector<pulsed_task> live;
  do {
    live.push_back(pulsed_task_open(c, cls.id()));
  } while ((live.back().ref & PULSED_REF_SLOT_MASK) != (old.ref & PULSED_REF_SLOT_MASK));
  CHECK(pulsed_task_directive(c, live.back()) == 0);
  s.peer.ask_class(cls.id(), kMeasure);
  CHECK(pulsed_task_directive(c, live.back()) == kMeasure);
}

TEST_CASE("directives are obeyed only while the lease holds") {
  AttachedService s;
  const Task task = s.session.open(s.session.task_class("a"));
  s.peer.ask_task(task.handle(), kIsolate);
  REQUIRE(task.isolated());
  s.peer.let_lease_run_out();
  CHECK(task.directive() == 0);
  s.peer.daemon.daemon->lease_ticks = s.peer.end.daemon_header.ticks_per_second * 3600;
  CHECK(task.isolated());
}

TEST_CASE("directives end with the daemon and begin afresh with the next") {
  AttachedService s;
  const Worker worker(s.session);
  const Task task = s.session.open(s.session.task_class("a"));
  s.peer.ask_task(task.handle(), kIsolate);
  CHECK(task.isolated());
  s.lose_daemon_and_accept();
  { const PollScope poll(task); }
  CHECK(task.directive() == 0);
}

TEST_CASE("tier bits of a word ask nothing by themselves") {
  AttachedService s;
  const Task task = s.session.open(s.session.task_class("a"));
  s.peer.ask_task(task.handle(), PULSED_TIER_ISOLATE << PULSED_WORD_TIER_SHIFT);
  CHECK(task.directive() == 0);
}

TEST_CASE("a task has the weight of its class whether or not it has a word of its own") {
  AttachedService s;
  const TaskClass heavy = s.session.task_class("heavy");
  const TaskClass plain = s.session.task_class("plain");
  Task task = s.session.open(heavy);
  const auto check = [&] {
    s.peer.ask_class(heavy.id(), weighing(300) | kIsolate);
    s.peer.ask_class(plain.id(), kIsolate);
    CHECK(task.weight() == 300);
    s.peer.ask_task(task.handle(), kMeasure);
    CHECK(task.weight() == 300);
    task.set_class(plain);
    CHECK(task.weight() == PULSED_WEIGHT_ORDINARY);
    task.set_class(heavy);
    const pulsed_task slotless{std::uint64_t{heavy.id()} << PULSED_REF_CLASS_SHIFT};
    CHECK(pulsed_task_weight(s.session.c_session(), slotless) == 300);
    for (const std::uint32_t weight : {1U, 1000U}) {
      s.peer.ask_class(heavy.id(), weighing(weight));
      CHECK(task.weight() == weight);
    }
    s.peer.ask_class(heavy.id(), weighing(PULSED_WORD_WEIGHT_MASK));
    CHECK(task.weight() == PULSED_WEIGHT_MAX);
  };
  check();  // through the session's lock, and on a worker without it
  const Worker worker(s.session);
  check();
}

TEST_CASE("a weight holds only while the lease does and ends with the daemon") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  s.peer.ask_class(cls.id(), weighing(300));
  REQUIRE(task.weight() == 300);
  s.peer.let_lease_run_out();
  CHECK(task.weight() == PULSED_WEIGHT_ORDINARY);
  s.lose_daemon_and_accept();
  { const PollScope poll(task); }
  CHECK(task.weight() == PULSED_WEIGHT_ORDINARY);
}

TEST_CASE("weight bits of a word ask nothing by themselves, and take no generation away") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  s.peer.ask_class(cls.id(), weighing(PULSED_WORD_WEIGHT_MASK));
  CHECK(task.directive() == 0);
  s.peer.ask_class(cls.id(), weighing(PULSED_WORD_WEIGHT_MASK) | kIsolate);
  CHECK(task.directive() == kIsolate);
  s.peer.ask_task(task.handle(), weighing(PULSED_WORD_WEIGHT_MASK));
  CHECK(task.directive() == 0);
  s.peer.ask_task(task.handle(), weighing(PULSED_WORD_WEIGHT_MASK) | kMeasure);
  CHECK(task.directive() == kMeasure);
  const Worker worker(s.session);
  const pulsed_hot* hot = pulsed_this_hot();
  REQUIRE(hot != nullptr);
  CHECK(pulsed_wants_measure(hot, task.handle().ref) != 0);
}

TEST_CASE("a class changed outside a poll counts from the next poll on") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass a = s.session.task_class("a");
  const TaskClass b = s.session.task_class("b");
  Task task = s.session.open(a);
  { const PollScope poll(task); }
  task.set_class(b);
  { const PollScope poll(task); }
  CHECK(s.totals(a).polls == 1);
  CHECK(s.totals(b).polls == 1);
}

TEST_CASE("a task has one owner when moved") {
  AttachedService s;
  Task a = s.session.open(s.session.task_class("a"));
  const std::uint64_t ref = a.handle().ref;
  Task b = std::move(a);
  CHECK(b.handle().ref == ref);
  CHECK(a.handle().ref == 0);
  b = s.session.open(TaskClass{});
  CHECK((s.identity({ref}) & PULSED_IDENTITY_STATE_MASK) == PULSED_IDENTITY_FREE);
}

TEST_CASE("a task may be opened by one thread and polled by others and closed by a third") {
  AttachedService s;
  const TaskClass cls = s.session.task_class("a");
  Task task;
  std::thread([&] {
    const Worker worker(s.session);
    task = s.session.open(cls);
  }).join();
  for (int i = 0; i < 2; ++i) {
    std::thread([&] {
      const Worker worker(s.session);
      const PollScope poll(task);
    }).join();
  }
  const pulsed_task handle = task.handle();
  task = Task{};
  CHECK((s.identity(handle) & PULSED_IDENTITY_STATE_MASK) == PULSED_IDENTITY_FREE);
  CHECK((s.peer.service.usage[handle.ref & PULSED_REF_SLOT_MASK] & 0xffffff) == 2);
}

}  // namespace
}  // namespace pulsed::test
