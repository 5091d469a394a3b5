#include "daemon/detailer.h"

#include <doctest/doctest.h>

#include <cstring>

#include "tests/support/attached_by_hand.h"

namespace pulsed {
namespace {

using namespace std::chrono_literals;
using test::AttachedByHand;

struct Detailed : AttachedByHand {
  Detailed() {
    add_class(1, "shop/render");
    add_worker(0);
    add_worker(1, PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION);
    add_worker(2, PULSED_WORKER_ATTACHED | PULSED_WORKER_SPARE);
    tick();
  }
  [[nodiscard]] std::shared_ptr<const Details> details() {
    return build_details(services(), clock());
  }
  // In flight on line 0, having burned all of `age`.
  void burn(policy::Duration age) { hold(age, age); }
  void hold(policy::Duration age, policy::Duration cpu) {
    service().workers[0].looked_at_ticks = 0;
    begin_poll(0, ref(20, 1, 1, PULSED_KIND_POLL), age);
    tick();
    service().workers[0].current.cpu_base = 0ns;
    say_cpu(0, cpu);
    tick();
  }
};

TEST_CASE("a process is shown with who it is and what it has") {
  Detailed t;
  t.service().dropped_samples = 11;
  t.service().rejected_records = 12;
  t.service().quarantined = true;
  t.service().words.run_spare(2);
  const auto details = t.details();
  REQUIRE(details->processes.size() == 1);
  const ProcessDetail& process = details->processes[0];
  CHECK(process.service == "test");
  CHECK(process.pid == ::getpid());
  CHECK(process.uid == ::getuid());
  CHECK(process.attached_at == t.service().attached_at);
  CHECK(process.abi_minor == PULSED_ABI_MINOR);
  CHECK(process.workers == 2);
  CHECK(process.spare_workers_awake == 1);
  CHECK(process.spare_workers_parked == 0);
  CHECK(process.dropped_samples == 11);
  CHECK(process.rejected_records == 12);
  CHECK(process.quarantined);
}

TEST_CASE(
    "a poll that waits is within its budget, and worth a report once it is long by the clock") {
  for (const policy::Duration age : {policy::Duration(100us), policy::Duration(1s)}) {
    Detailed t;
    t.hold(age, 50us);
    const auto poll = t.details()->workers[0].in_flight;
    CHECK_FALSE(poll->over_budget);
    CHECK(poll->reported == (age == 1s));
  }
  Detailed t;
  t.burn(2ms);
  CHECK(t.details()->workers[0].in_flight->reported);
}

TEST_CASE("a worker is shown with its kind, its thread's name, and the poll it is in") {
  Detailed t;
  std::strcpy(t.s().lines[0].name, "work\x01\xff");
  t.burn(2ms);
  const auto details = t.details();
  REQUIRE(details->workers.size() == 3);
  const WorkerDetail& worker = details->workers[0];
  CHECK(worker.thread_name == "work??");
  CHECK(worker.kind == WorkerKind::kOrdinary);
  CHECK(worker.awake);
  REQUIRE(worker.in_flight.has_value());
  CHECK(worker.in_flight->task_class == "shop/render");
  CHECK(worker.in_flight->cpu_ns == 2'000'000);
  CHECK(worker.in_flight->age_ns >= 2'000'000);
  CHECK(worker.in_flight->over_budget);
  CHECK(worker.in_flight->blame == policy::Blame::kBurning);
  CHECK_FALSE(worker.in_flight->demoted);
  CHECK(details->workers[1].kind == WorkerKind::kIsolation);
  CHECK_FALSE(details->workers[1].in_flight.has_value());
  CHECK(details->workers[2].kind == WorkerKind::kSpare);
  CHECK_FALSE(details->workers[2].awake);
  CHECK(details->processes[0].in_flight_over_budget == 1);
  CHECK(details->processes[0].longest_in_flight_ns == worker.in_flight->age_ns);
}

TEST_CASE("who asks for workers alone is spared the tasks, and told how many there are") {
  Detailed t;
  t.burn(6ms);
  const auto details = build_details(t.services(), t.clock(), Listed::kWorkers);
  CHECK(details->workers.size() == 3);
  CHECK(details->processes[0].tasks_above_monitor == 1);
  CHECK(details->tasks.empty());
}

TEST_CASE("workers beyond the bound are left out, and counted with their process") {
  constexpr std::uint32_t kEach = 4096;
  std::vector<std::unique_ptr<AttachedByHand>> all;
  std::vector<std::unique_ptr<collect::Service>> services;
  for (int n = 0; n < 5; ++n) {
    all.push_back(std::make_unique<AttachedByHand>(true, shm::Dimensions{kEach, 64, 1024, 64}));
    services.push_back(all.back()->take());
    for (std::uint32_t line = 0; line < kEach; ++line) {
      services.back()->workers.emplace_back(shm::RingReader{});
      services.back()->workers.back().state = PULSED_WORKER_ATTACHED;
    }
  }
  const auto details = build_details(services, all[0]->clock());
  CHECK(details->workers.size() == Details::kMostWorkers);
  CHECK(details->workers_left_out == 5 * kEach - Details::kMostWorkers);
  for (const ProcessDetail& process : details->processes) CHECK(process.workers == kEach);
}

TEST_CASE("tasks above Monitor are listed, and only these") {
  Detailed t;
  t.push(0, AttachedByHand::ref(21, 1, 1, PULSED_KIND_OPEN));
  t.burn(6ms);
  const auto details = t.details();
  CHECK(details->processes[0].tasks == 2);
  CHECK(details->processes[0].tasks_above_monitor == 1);
  REQUIRE(details->tasks.size() == 1);
  CHECK(details->tasks[0].id == policy::TaskId{20, 1});
  CHECK(details->tasks[0].tier == policy::Tier::kIsolate);
  CHECK(details->tasks[0].task_class == "shop/render");
  CHECK(details->tasks_left_out == 0);
  CHECK(details->workers[0].in_flight->tier == policy::Tier::kIsolate);
}

TEST_CASE("tasks beyond the bound are left out and counted") {
  AttachedByHand t(true, {4, 64, 16384, 64});
  t.add_class(1, "shop/render");
  t.tick();
  constexpr std::uint32_t kTasks = Details::kMostTasks + 500;
  for (std::uint32_t slot = 1; slot <= kTasks; ++slot)
    t.service().tiers.task_opened({slot, 1}, policy::ClassId{1}, t.now());
  policy::ClassPolicy policy = t.resolved();
  policy.pinned = policy::Tier::kWarn;
  t.set_policy(1, policy);
  const auto details = build_details(t.services(), t.clock());
  CHECK(details->tasks.size() == Details::kMostTasks);
  CHECK(details->tasks_left_out == 500);
  CHECK(details->processes[0].tasks_above_monitor == kTasks);
}

}  // namespace
}  // namespace pulsed
