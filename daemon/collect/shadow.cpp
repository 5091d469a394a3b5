#include "daemon/collect/shadow.h"

#include <algorithm>
#include <utility>

namespace pulsed::collect {
namespace {

bool would_migrate(const Service& service, const WorkerView& worker, policy::ClassId cls) {
  const policy::ClassPolicy& policy = service.tiers.policy(cls);
  return policy.enforcement == policy::Enforcement::kShadow && policy.may_migrate &&
         !worker.isolation;
}

// Of its class when it was looked at last.
WouldBe& would_be(Service& service, const TrackedPoll& poll) {
  return service.classes[index(class_of(poll))].would_be;
}

bool covered(const Shadow& shadow) {
  return shadow.isolated || shadow.yielded || shadow.demoted || shadow.spared;
}

void count_once(Service& service, TrackedPoll& poll, bool Shadow::*done,
                std::uint64_t WouldBe::*count) {
  if (!poll.shadow || std::exchange(*poll.shadow.*done, true)) return;
  ++(would_be(service, poll).*count);
}

}  // namespace

std::optional<Shadow> shadow_of(const Service& service, const WorkerView& worker,
                                const Reference& ref) {
  if (service.tiers.policy(ref.cls).enforcement != policy::Enforcement::kShadow) return {};
  const bool at_isolate = service.tiers.tier(ref.task, ref.cls) == policy::Tier::kIsolate;
  return Shadow{.isolated = at_isolate && would_migrate(service, worker, ref.cls)};
}

bool isolated_in_shadow(const TrackedPoll& poll) { return poll.shadow && poll.shadow->isolated; }

void count_yield(Service& service, TrackedPoll& poll) {
  count_once(service, poll, &Shadow::yielded, &WouldBe::yields);
}
void count_demotion(Service& service, TrackedPoll& poll) {
  count_once(service, poll, &Shadow::demoted, &WouldBe::demotions);
}
void count_spare(Service& service, TrackedPoll& poll, bool woken) {
  if (!poll.shadow) return;
  poll.shadow->spared = true;
  if (woken) ++would_be(service, poll).spare_wakes;
}

void count_cpu(Service& service, TrackedPoll& poll) {
  if (!poll.shadow || !covered(*poll.shadow) || poll.cpu <= poll.shadow->counted_cpu) return;
  const Duration more = poll.cpu - std::exchange(poll.shadow->counted_cpu, poll.cpu);
  would_be(service, poll).cpu_ns += static_cast<std::uint64_t>(more.count());
}

void count_ended_unseen(Service& service, const WorkerView& worker, policy::ClassId cls,
                        Duration cpu) {
  if (!would_migrate(service, worker, cls)) return;
  WouldBe& sum = service.classes[index(cls)].would_be;
  ++sum.isolated_polls;
  sum.cpu_ns += static_cast<std::uint64_t>(cpu.count());
}

void count_ended(Service& service, const TrackedPoll& poll, policy::ClassId cls, Duration cpu) {
  if (!poll.shadow || !covered(*poll.shadow)) return;
  WouldBe& sum = service.classes[index(cls)].would_be;
  if (poll.shadow->isolated) ++sum.isolated_polls;
  const Duration more = std::max(Duration{}, cpu - poll.shadow->counted_cpu);
  sum.cpu_ns += static_cast<std::uint64_t>(more.count());
}

}  // namespace pulsed::collect
