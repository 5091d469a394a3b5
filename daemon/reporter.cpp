#include "daemon/reporter.h"

#include <spdlog/spdlog.h>

#include <string>

#include "daemon/collect/thread_name.h"
#include "daemon/policy/enforcement_text.h"

namespace pulsed {
namespace {

using policy::Time;

// The worker that polls the task now, if the change came from a poll in flight.
const collect::WorkerView* holder(const collect::Service& service, policy::TaskId task,
                                  std::uint32_t& line) {
  for (std::uint32_t i = 0; i < service.workers.size(); ++i) {
    const collect::TrackedPoll& poll = service.workers[i].current;
    if (!poll.valid || (poll.ref & PULSED_REF_SLOT_MASK) != task.slot) continue;
    line = i;
    return &service.workers[i];
  }
  return nullptr;
}

std::string where(const collect::Service& service, const policy::TierChange& change) {
  std::uint32_t line = 0;
  const collect::WorkerView* worker = holder(service, change.task, line);
  if (worker == nullptr) return "";
  return fmt::format(" on worker {} ({}, thread {}, {})", line, thread_name(service, line),
                     worker->tid, policy::name(worker->current.blame));
}

double milliseconds(policy::Duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

std::string waiting_in(const collect::WorkerView& worker, policy::Blame blame) {
  if (blame != policy::Blame::kBlocked || !worker.thread) return "";
  const auto channel = clocks::wait_channel(*worker.thread);
  return channel ? " in " + *channel : "";
}

// What is not enforced was only looked at.
const char* shadow_mark(const collect::Service& service, policy::ClassId cls) {
  const bool enforced = service.tiers.policy(cls).enforcement == policy::Enforcement::kEnforce;
  return enforced ? "" : " [shadow: nothing asked]";
}

void log_class_change(collect::Service& service, const policy::TierChange& change, Time now) {
  if (!service.tiers.take_report(change.cls, now)) return;
  spdlog::warn("{} (pid {}): new tasks of class {} now begin at {} (was {}){}", service.peer.name,
               service.peer.pid, service.classes[index(change.cls)].name, policy::name(change.to),
               policy::name(change.from), shadow_mark(service, change.cls));
}

void log_task_change(collect::Service& service, const policy::TierChange& change, Time now) {
  const std::string& cls = service.classes[index(change.cls)].name;
  if (change.to < change.from) {
    spdlog::debug("{} (pid {}): a task of class {} recovers: {} -> {}", service.peer.name,
                  service.peer.pid, cls, policy::name(change.from), policy::name(change.to));
    return;
  }
  if (!service.tiers.take_report(change.cls, now)) return;
  spdlog::warn("{} (pid {}): a task of class {} goes {} -> {} by {}, its poll burned {:.3f} ms{}{}",
               service.peer.name, service.peer.pid, cls, policy::name(change.from),
               policy::name(change.to), policy::name(change.reason), milliseconds(change.poll_cpu),
               where(service, change), shadow_mark(service, change.cls));
}

}  // namespace

void Reporter::add(std::string service, pid_t pid, decltype(Event::what) what) {
  if (at_ == std::chrono::system_clock::time_point{}) at_ = std::chrono::system_clock::now();
  events_.push_back({0, at_, std::move(service), pid, std::move(what)});
}

bool Reporter::take_event() {
  if (of_this_tick_++ < kMostOfATick) return true;
  ++events_left_out_;
  return false;
}

void Reporter::end_tick() {
  at_ = {};
  of_this_tick_ = 0;
  log_.append(events_);
}

void Reporter::tier_changed(collect::Service& service, const policy::TierChange& change, Time now) {
  const bool whole_class = change.task.slot == policy::kNoSlot;
  if (whole_class) {
    log_class_change(service, change, now);
  } else if (change.reason != policy::Reason::kPin) {  // the pin has had its line
    log_task_change(service, change, now);
  }
  if (!take_event()) return;
  add(service.peer.name, service.peer.pid,
      TierChanged{service.classes[index(change.cls)].name,
                  whole_class ? std::nullopt : std::optional(change.task), change.from, change.to,
                  change.reason, change.poll_cpu, service.tiers.policy(change.cls).enforcement});
}

void Reporter::poll_held(collect::Service& service, std::uint32_t line, policy::Blame blame,
                         Time now) {
  const collect::WorkerView& worker = service.workers[line];
  const collect::TrackedPoll& poll = worker.current;
  const policy::ClassId cls = collect::class_of(poll);
  const std::string name = thread_name(service, line);
  if (take_event()) {
    add(service.peer.name, service.peer.pid,
        PollHeld{service.classes[index(cls)].name, line, name, poll.age, poll.cpu, blame,
                 service.tiers.policy(cls).enforcement,
                 service.tiers.tier(collect::task_of(poll), cls)});
  }
  if (!service.tiers.take_report(cls, now)) return;
  spdlog::warn(
      "{} (pid {}): a poll of class {} holds worker {} ({}, thread {}) for {:.3f} ms, {}{}; "
      "it burned {:.3f} ms",
      service.peer.name, service.peer.pid, service.classes[index(cls)].name, line, name, worker.tid,
      milliseconds(poll.age), policy::name(blame), waiting_in(worker, blame),
      milliseconds(poll.cpu));
}

void Reporter::held_poll_ended(const collect::Service& service, const collect::ReportedPoll& poll,
                               policy::Duration duration, bool at_most,
                               policy::Duration since_start) {
  if (!take_event()) return;
  const auto start = std::chrono::time_point_cast<std::chrono::system_clock::duration>(
      std::chrono::system_clock::now() - since_start);
  add(service.peer.name, service.peer.pid,
      HeldPollEnded{service.classes[index(poll.cls)].name, poll.worker,
                    thread_name(service, poll.worker), start, duration, at_most, poll.tier,
                    poll.blame});
}

void Reporter::attached(const collect::Service& service, Time now) {
  add(service.peer.name, service.peer.pid, ServiceAttached{service.peer.uid});
  if (!peer_lines_.take(now)) return;
  spdlog::info("{} (pid {}, uid {}) attached{}", service.peer.name, service.peer.pid,
               service.peer.uid, peer_lines_.left_out());
}

void Reporter::detached(const collect::Service& service, Time now) {
  add(service.peer.name, service.peer.pid, ServiceDetached{});
  if (!peer_lines_.take(now)) return;
  spdlog::info("{} (pid {}) detached{}", service.peer.name, service.peer.pid,
               peer_lines_.left_out());
}

void Reporter::attach_refused(const std::string& why, Time now) {
  if (refusal_lines_.take(now))
    spdlog::warn("attach refused: {}{}", why, refusal_lines_.left_out());
}

void Reporter::quarantined(const collect::Service& service) {
  add(service.peer.name, service.peer.pid, ServiceQuarantined{service.rejected_records});
  spdlog::error(
      "{} (pid {}) is quarantined: its shared memory held {} records of nonsense; it is no longer "
      "read, and nothing is asked of it until it attaches anew",
      service.peer.name, service.peer.pid, service.rejected_records);
}

void Reporter::policy_in_force(const policy::Policy& policy, std::uint64_t revision, Time now) {
  const policy::Enforcement enforcement = std::min(policy.enforcement, policy.enforcement_limit);
  add("", 0, PolicyChanged{revision, enforcement});
  if (!policy_lines_.take(now)) return;
  spdlog::info("policy revision {}: {}{}", revision, policy::enforcement_text(policy),
               policy_lines_.left_out());
}

void Reporter::pin_changed(const Pins::Change& change, Time now) {
  add(change.cls.service, 0, PinChanged{change.cls.task_class, change.tier});
  if (!pin_lines_.take(now)) return;
  spdlog::info("class {} of {} {}{}{}", change.cls.task_class, change.cls.service,
               change.tier ? "is pinned at " : "is pinned no more",
               change.tier ? policy::name(*change.tier) : "", pin_lines_.left_out());
}

}  // namespace pulsed
