#include "daemon/held_workers.h"

#include "daemon/collect/in_flight.h"
#include "daemon/collect/shadow.h"

namespace pulsed {
namespace {

using collect::Service;
using collect::TrackedPoll;
using collect::WorkerView;
using policy::Duration;
using policy::Time;

// A thread of the isolation pool that could not be lowered is tried again so often.
constexpr Duration kTryAgain = std::chrono::seconds{1};
// Over how long a demoted thread's share of a CPU is looked at.
constexpr Duration kShareWindow = std::chrono::milliseconds{20};

// No user but root may have more of the ledger than this.
constexpr std::size_t kMostOfOneUser = act::DemotionLedger::kCapacity / 4;
// How long a report waits for blame.
constexpr Duration kBlamePatience = std::chrono::milliseconds{2};

bool still_polls(const pulsed_worker_line& shared, std::uint64_t start) {
  const auto line = collect::read_line(shared);
  return line && line->start == start && line->task != 0;
}

// The isolation pool is of low priority by what it is, also where no thread of a worker is lowered.
act::LowerPriority lower_priority(policy::OsPriority to) {
  if (to.kind == policy::OsPriority::Kind::kUnchanged) to = policy::OsPriority{};
  return {to.kind == policy::OsPriority::Kind::kIdle, to.nice};
}

// Has what it was demoted for come to its end?
bool over(const WorkerView& worker, const collect::Demotion& demotion) {
  if (worker.tid != demotion.tid || (worker.state & PULSED_WORKER_ATTACHED) == 0) return true;
  return demotion.start != 0 && !(worker.current.valid && worker.current.start == demotion.start);
}

}  // namespace

void HeldWorkers::answer(Service& service, Time now) {
  reported_.follow(service);
  const bool spares_run = !service.spares_awake.empty() || service.spares_would_run;
  if (!service.in_flight && service.demoted.empty() && !spares_run) return;
  end_demotions(service, now);
  bool held = spares_run;
  for (const std::uint32_t i : service.polling) {
    const WorkerView& worker = service.workers[i];
    if (!worker.current.valid) continue;  // since the look: nothing known of it holds any more
    answer_poll(service, i, now);
    held = held || worker.current.held || worker.current.held_in_shadow;
  }
  if (held) spares_.keep(service, now);
}

// From the back, as undo() takes away the one at hand.
void HeldWorkers::end_demotions(Service& service, Time now) {
  for (std::size_t n = service.demoted.size(); n-- > 0;) {
    const std::uint32_t i = service.demoted[n];
    const WorkerView& worker = service.workers[i];
    if (over(worker, *worker.demotion)) undo(service, i, now);
    // Between polls a thread of the isolation pool needs no share.
    if (worker.demotion && worker.demotion->boosted && !worker.current.valid)
      lower_again(service, i);
  }
}

void HeldWorkers::answer_poll(Service& service, std::uint32_t index, Time now) {
  WorkerView& worker = service.workers[index];
  TrackedPoll& poll = worker.current;
  const policy::ClassPolicy& policy = service.tiers.policy(collect::class_of(poll));
  const policy::TierFields& fields = policy.fields;
  const bool isolated = worker.isolation || collect::isolated_in_shadow(poll);
  const policy::HoldVerdict verdict =
      policy::judge_hold(fields, {poll.age, poll.cpu, poll.blame, isolated});
  const policy::Blame blame = poll.most_blamed();
  const bool blame_known =
      blame != policy::Blame::kUnknown || now - poll.first_look >= kBlamePatience;
  if (verdict.report && !poll.reported && blame_known) {
    poll.reported = true;
    ++service.holds.held_polls[static_cast<std::size_t>(blame)];
    reporter_.poll_held(service, index, blame, now);
    reported_.add(service, index);
  }
  // The pool is the service's, whichever class's polls it runs.
  const bool enforced = service.enforceable &&
                        (worker.isolation || policy.enforcement == policy::Enforcement::kEnforce);
  const bool shadow = policy.enforcement == policy::Enforcement::kShadow && !enforced;
  poll.held = enforced && verdict.spare;
  poll.held_in_shadow = shadow && verdict.spare;
  if (!enforced) {
    if (shadow && verdict.demote) count_demotion(service, index);
    // It may have gone over from another class.
    if (worker.demotion) undo(service, index, now);
  } else if (worker.demotion) {
    keep_share(service, index, fields);
  } else if (verdict.demote) {
    demote(service, index, fields, now);
  }
}

// In shadow, if it could have been done.
void HeldWorkers::count_demotion(Service& service, std::uint32_t index) const {
  WorkerView& worker = service.workers[index];
  const bool demotable = demoter_.usable() && worker.thread && service.peer.abi_minor >= 1;
  if (demotable && !worker.isolation && !collect::isolated_in_shadow(worker.current))
    collect::count_demotion(service, worker.current);
}

void HeldWorkers::demote(Service& service, std::uint32_t index, const policy::TierFields& fields,
                         Time now) {
  WorkerView& worker = service.workers[index];
  const std::uint64_t start = worker.isolation ? 0 : worker.current.start;
  // A shim of ABI 1.0 does not wait for its thread to be restored.
  if (!demoter_.usable() || !worker.thread || service.peer.abi_minor < 1) return;
  if (worker.demotion_refused_start == worker.current.start || now < worker.demote_again) return;
  std::size_t& of_user = demoted_of_[service.peer.uid];
  const pulsed_worker_line& line = service.s.lines[index];
  const auto wanted = [&] {
    return start != 0 ? still_polls(line, start)
                      : __atomic_load_n(&line.tid, __ATOMIC_RELAXED) == worker.tid;
  };
  const auto announce = [&](const act::SchedAttr& own) {
    if (start != 0) service.words.announce_demotion(index, start, own);
  };
  std::optional<act::DemotionId> id;
  if (service.peer.uid == 0 || of_user < kMostOfOneUser)
    id = demoter_.demote(*worker.thread, lower_priority(fields.demote_to), announce, wanted);
  if (id) {
    const policy::ClassId cls = collect::class_of(worker.current);
    worker.demotion = collect::Demotion{*id, start, worker.tid, cls, now};
    ++service.holds.demotions;
    if (start != 0) ++service.classes[policy::index(cls)].demotions;
    ++demoted_;
    service.demoted.push_back(index);
    ++of_user;
    return;
  }
  service.words.end_demotion(index);
  // A poll that ended meanwhile needs none any more.
  if (!wanted()) return;
  worker.demotion_refused_start = worker.current.start;
  if (start == 0) {
    // Most likely it lowered itself before we came. If not: what is new on this pool does so from now on.
    if (worker.demote_again == Time{}) ++service.holds.demotions_refused;
    worker.demote_again = now + kTryAgain;
    service.words.set_abilities(service.words.abilities() & ~std::uint64_t{PULSED_DAEMON_DEMOTES});
  } else {
    ++service.holds.demotions_refused;
  }
}

// A thread that holds a lock must get somewhere, however busy the machine.
void HeldWorkers::keep_share(Service& service, std::uint32_t index,
                             const policy::TierFields& fields) {
  WorkerView& worker = service.workers[index];
  collect::Demotion& demotion = *worker.demotion;
  if (!worker.reading) return;
  const collect::CpuReading& reading = *worker.reading;
  // What it may have had, not what is proven: one reading in doubt would give a hog its priority back.
  const policy::Duration had = reading.cpu + worker.clock.doubtful();
  const bool wants_to_run = worker.current.blame != policy::Blame::kBlocked;
  if (demotion.share_start != worker.current.start) {
    demotion.share_start = worker.current.start;
    demotion.share_begun = false;
    if (demotion.boosted) lower_again(service, index);
  }
  if (!demotion.share_begun || !wants_to_run) {
    demotion.share_begun = true;
    demotion.share_since = reading.at;
    demotion.share_cpu = had;
  }
  const Duration passed = reading.at - demotion.share_since;
  const policy::DemotedShare share{passed, had - demotion.share_cpu, wants_to_run};
  const bool short_of_it = policy::falls_short(fields, share);
  if (demotion.boosted && !short_of_it) {
    lower_again(service, index);
    demotion.share_begun = false;
  } else if (!demotion.boosted && passed >= kShareWindow) {
    if (short_of_it && demoter_.boost(demotion.id)) {
      demotion.boosted = true;
      ++service.holds.boosts;
    }
    if (!short_of_it) demotion.share_begun = false;
  }
}

// Not if what it was lowered for has ended by now: then undo() follows.
void HeldWorkers::lower_again(Service& service, std::uint32_t index) {
  collect::Demotion& demotion = *service.workers[index].demotion;
  const pulsed_worker_line& line = service.s.lines[index];
  const auto wanted = [&] { return demotion.start == 0 || still_polls(line, demotion.start); };
  if (demoter_.lower_again(demotion.id, wanted)) demotion.boosted = false;
}

bool HeldWorkers::undo(Service& service, std::uint32_t index, Time now) {
  WorkerView& worker = service.workers[index];
  const collect::Demotion demotion = *worker.demotion;
  if (!demoter_.restore(demotion.id)) return false;  // its worker goes on waiting, and so do we
  service.words.end_demotion(index);
  forget(service, index);
  service.holds.demoted += now - demotion.since;
  if (demotion.start != 0 && worker.last_ended.start == demotion.start) {
    const std::uint64_t ticks = clock_.now();
    service.holds.undo_latency.observe_ns(
        clock_.to_ns(ticks > worker.last_ended.end ? ticks - worker.last_ended.end : 0));
  }
  return true;
}

void HeldWorkers::forget(Service& service, std::uint32_t index) {
  service.workers[index].demotion.reset();
  std::erase(service.demoted, index);
  --demoted_;
  if (--demoted_of_[service.peer.uid] == 0) demoted_of_.erase(service.peer.uid);
}

void HeldWorkers::restore_threads(Service& service, Time now) {
  for (std::size_t n = service.demoted.size(); n-- > 0;) undo(service, service.demoted[n], now);
}

void HeldWorkers::restore_threads(Service& service, policy::ClassId cls, Time now) {
  for (std::size_t n = service.demoted.size(); n-- > 0;) {
    const std::uint32_t index = service.demoted[n];
    if (service.workers[index].demotion->cls == cls) undo(service, index, now);
  }
}

void HeldWorkers::release(Service& service, Time now) {
  restore_threads(service, now);
  reported_.release(service);
  // What the system would not give back is left to the guardian, and after it to the next daemon.
  while (!service.demoted.empty()) {
    const std::uint32_t index = service.demoted.back();
    const collect::Demotion& demotion = *service.workers[index].demotion;
    demoter_.leave(demotion.id);
    service.holds.demoted += now - demotion.since;  // as far as we can tell
    forget(service, index);
  }
  service.words.release();
  service.spares_awake.clear();
}

}  // namespace pulsed
