// Counts what would have been done to polls of classes in shadow, by the very verdicts that are acted on under enforce.
//
// A poll counts once for each thing that would have been done to it, a spare worker for each time that it would have been
// woken, and a poll's CPU time once: as far as it is proven in flight,
// at the end the rest. A poll of a task at Isolate is one of the isolation pool, where it would hold nobody up: it has no
// spare worker, and no thread that is demoted for it.
#pragma once

#include <optional>

#include "daemon/collect/reference.h"
#include "daemon/collect/service.h"

namespace pulsed::collect {

// At the first look at a poll in flight, before it is judged: only polls of classes that are in shadow then are counted.
[[nodiscard]] std::optional<Shadow> shadow_of(const Service& service, const WorkerView& worker,
                                              const Reference& ref);
// It would run on the isolation pool, now.
[[nodiscard]] bool isolated_in_shadow(const TrackedPoll& poll);

void count_yield(Service& service, TrackedPoll& poll);
void count_demotion(Service& service, TrackedPoll& poll);
// A spare worker would run in its place: `woken` for it, or as it still runs from another poll.
void count_spare(Service& service, TrackedPoll& poll, bool woken);
// After the counts of a look.
void count_cpu(Service& service, TrackedPoll& poll);

// A poll that was never seen in flight, of a task that stood at Isolate, ended on that worker.
void count_ended_unseen(Service& service, const WorkerView& worker, policy::ClassId cls,
                        Duration cpu);
// One that was seen in flight ended, having used `cpu`.
void count_ended(Service& service, const TrackedPoll& poll, policy::ClassId cls, Duration cpu);

}  // namespace pulsed::collect
