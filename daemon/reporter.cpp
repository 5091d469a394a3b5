#include "daemon/reporter.h"

#include <spdlog/spdlog.h>

#include <string>

#include "daemon/attach/printable.h"
#include "daemon/collect/reference.h"

namespace pulsed {
namespace {

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

std::string name_of(const collect::Service& service, std::uint32_t line) {
  const pulsed_worker_line& shared = service.s.lines[line];
  return attach::printable({shared.name, ::strnlen(shared.name, sizeof(shared.name))});
}

std::string where(const collect::Service& service, const policy::TierChange& change) {
  std::uint32_t line = 0;
  const collect::WorkerView* worker = holder(service, change.task, line);
  if (worker == nullptr) return "";
  return fmt::format(" on worker {} ({}, thread {}, {})", line, name_of(service, line), worker->tid,
                     policy::name(worker->current.blame));
}

double milliseconds(policy::Duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

std::string waiting_in(const collect::WorkerView& worker, policy::Blame blame) {
  if (blame != policy::Blame::kBlocked || !worker.thread) return "";
  const auto channel = clocks::wait_channel(*worker.thread);
  return channel ? " in " + *channel : "";
}

}  // namespace

void report(collect::Service& service, const policy::TierChange& change,
            policy::Enforcement enforcement, policy::Time now) {
  const std::string& cls = service.classes[index(change.cls)].name;
  const char* shadow =
      enforcement == policy::Enforcement::kEnforce ? "" : " [shadow: nothing asked]";
  const std::string_view reason = policy::kReasonNames[static_cast<std::size_t>(change.reason)];
  if (change.task.slot == policy::kNoSlot) {
    if (!service.tiers.take_report(change.cls, now)) return;
    spdlog::warn("{} (pid {}): new tasks of class {} now begin at {} (was {}){}", service.peer.name,
                 service.peer.pid, cls, policy::name(change.to), policy::name(change.from), shadow);
    return;
  }
  if (change.to < change.from) {
    spdlog::debug("{} (pid {}): a task of class {} recovers: {} -> {}", service.peer.name,
                  service.peer.pid, cls, policy::name(change.from), policy::name(change.to));
    return;
  }
  if (!service.tiers.take_report(change.cls, now)) return;
  spdlog::warn("{} (pid {}): a task of class {} goes {} -> {} by {}, its poll burned {:.3f} ms{}{}",
               service.peer.name, service.peer.pid, cls, policy::name(change.from),
               policy::name(change.to), reason, milliseconds(change.poll_cpu),
               where(service, change), shadow);
}

void report_held(collect::Service& service, std::uint32_t line, policy::Blame blame,
                 policy::Time now) {
  const collect::WorkerView& worker = service.workers[line];
  const collect::TrackedPoll& poll = worker.current;
  const policy::ClassId cls = collect::class_of(poll);
  if (!service.tiers.take_report(cls, now)) return;
  spdlog::warn(
      "{} (pid {}): a poll of class {} holds worker {} ({}, thread {}) for {:.3f} ms, {}{}; "
      "it burned {:.3f} ms",
      service.peer.name, service.peer.pid, service.classes[index(cls)].name, line,
      name_of(service, line), worker.tid, milliseconds(poll.age), policy::name(blame),
      waiting_in(worker, blame), milliseconds(poll.cpu));
}

}  // namespace pulsed
