#include "daemon/policy/tier_manager.h"

#include <algorithm>

#include "daemon/policy/tier_manager_state.h"

namespace pulsed::policy {

TierManager::TierManager(Capacity capacity)
    : state_(std::make_unique<State>(capacity)),
      tasks_(state_->tasks.get()),
      clocks_(state_->clocks.get()),
      task_capacity_(state_->capacity.tasks) {}
TierManager::~TierManager() = default;
TierManager::TierManager(TierManager&&) noexcept = default;
TierManager& TierManager::operator=(TierManager&&) noexcept = default;

void TierManager::set_class_policy(ClassId wanted, const ClassPolicy& policy, Time now) {
  State& s = *state_;
  now = s.advance_clock(now);
  const ClassId id = s.known(wanted);
  ClassStanding& cls = s.standing(id, now);
  cls.advance(now);
  cls.set_policy(policy, now);
  if (cls.tasks_out_of_bounds() != 0) s.unsettle(cls);
  const Tier from = cls.tier();
  cls.keep_in_bounds(now);
  if (from == cls.tier()) return;
  // So that it is decided on once it comes loose.
  s.mark_hot(id, cls);
  const Reason reason = cls.pinned() ? Reason::kPin : Reason::kPolicy;
  s.changes.push_back({now, {kNoSlot, 0}, id, from, cls.tier(), reason, Duration{}});
}

bool TierManager::settle(Time now, std::uint32_t& units) {
  return state_->settle(state_->advance_clock(now), units);
}

void TierManager::task_opened(TaskId id, ClassId cls, Time now) {
  State& s = *state_;
  now = s.advance_clock(now);
  if (id.slot >= s.capacity.tasks) return;
  const TaskState& task = s.tasks[id.slot];
  // A task already opened by its first poll, or closed already, is not opened again: rings are read
  // one by one.
  if (task.seen() && static_cast<std::int16_t>(id.generation - task.generation()) <= 0) return;
  s.open(id, s.known(cls), now);
}

void TierManager::task_closed(TaskId id, Time now) {
  State& s = *state_;
  now = s.advance_clock(now);
  if (id.slot >= s.capacity.tasks) return;
  const TaskState& task = s.tasks[id.slot];
  if (task.seen() && static_cast<std::int16_t>(id.generation - task.generation()) < 0) return;
  if (task.live()) s.close(id.slot, now);
  s.mark_closed(id);
}

EndedVerdict TierManager::judge_ended(const EndedPoll& poll, Time now) {
  State& s = *state_;
  now = s.advance_clock(now);
  const ClassId id = s.known(poll.cls);
  const Burn burn{poll.cpu, poll.counted_cpu, poll.counted};
  const State::Whose whose = s.find(poll.task, id, now);
  if (whose == State::Whose::kNobody) return {};
  if (whose == State::Whose::kClass) {
    const ClassStanding& cls = s.standing(id, now);
    const bool isolated = cls.tier() == Tier::kIsolate;
    s.judge_unslotted(id, offense_of(burn, cls.fields()), now);
    return {.isolated = isolated};
  }
  TaskState& task = s.tasks[poll.task.slot];
  const bool isolated = task.tier == Tier::kIsolate;
  const Judgement judgement = s.judge(poll.task.slot, id, burn, now);
  if (task.remembered() && !judgement.over && !judgement.rose) s.note_good_poll(task, poll, now);
  return {whose == State::Whose::kNewTask, isolated};
}

InFlightVerdict TierManager::poll_in_flight(const InFlightPoll& poll, Time now) {
  State& s = *state_;
  now = s.advance_clock(now);
  const ClassId id = s.known(poll.cls);
  const Burn burn{poll.cpu, poll.counted_cpu, poll.counted};
  const State::Whose whose = s.find(poll.task, id, now);
  if (whose == State::Whose::kNobody) return {false, false, Tier::kMonitor};
  if (whose == State::Whose::kClass) {
    const ClassStanding& cls = s.standing(id, now);
    const Offense offense = offense_of(burn, cls.fields());
    s.judge_unslotted(id, offense, now);
    const bool over = burn.cpu > cls.fields().poll_budget;
    return {offense.violation, over && cls.tier() >= Tier::kYield, cls.tier()};
  }
  const Judgement judgement = s.judge(poll.task.slot, id, burn, now);
  const Tier tier = s.tasks[poll.task.slot].tier;
  return {judgement.violation, judgement.over && tier >= Tier::kYield, tier,
          whose == State::Whose::kNewTask};
}

Judgement TierManager::State::judge(std::uint32_t slot, ClassId id, const Burn& burn, Time now) {
  TaskState& task = tasks[slot];
  ClassStanding& cls = standing(id, now);
  const std::uint32_t stamp = cls.advance(now);
  cls.count_active(task);
  const bool over = burn.cpu > cls.fields().poll_budget;
  if (!over && !task.remembered()) return {};
  Offender& offender = remember(slot, now);
  const Offense offense = offense_of(burn, cls.fields());
  if (over) {
    offender.last_violation = now;
    offender.good_run = 0;
    OffenseWindow& window = window_of(offender, stamp);
    window.add(offense, stamp);
    cls.count(offense, task.tier, window, now);
    mark_hot(id, cls);
  }
  return {over, offense.violation, rise(task, offender, burn, now)};
}

bool TierManager::State::rise(TaskState& task, Offender& offender, const Burn& burn, Time now) {
  ClassStanding& cls = standing(task.cls(), now);
  const TierFields& fields = cls.fields();
  if (cls.pinned() || task.tier >= fields.max_tier) return false;
  if (burn.cpu >= fields.emergency_poll) {
    change(task, offender, fields.max_tier, Reason::kEmergency, burn.cpu, now);
    return true;
  }
  if (offender.window == kNoRecord) return false;
  OffenseWindow& window = windows.at(offender.window);
  window.advance(cls.advance(now));
  const std::optional<Reason> reason = Offender::promotes(window, fields, task.tier);
  if (!reason || !offender.may_rise(fields, now)) return false;
  const Tier next{static_cast<std::uint8_t>(index(task.tier) + 1)};
  change(task, offender, next, *reason, burn.cpu, now);
  return true;
}

void TierManager::State::note_good_poll(TaskState& task, const EndedPoll& poll, Time now) {
  Offender& offender = offenders.at(task.offender);
  const ClassStanding& cls = standing(task.cls(), now);
  const TierFields& fields = cls.fields();
  const Duration length = poll.cpu_known ? poll.cpu : poll.wall;
  if (length > fields.good_poll[index(task.tier)]) {
    offender.good_run = 0;
    return;
  }
  ++offender.good_run;
  if (task.tier == Tier::kMonitor) {
    if (offender.window == kNoRecord || !offender.forgiven(fields, now)) return;
    windows.at(offender.window).forgive();
  } else if (!cls.pinned() && offender.falls(fields, task.tier, now)) {
    const Tier below{static_cast<std::uint8_t>(index(task.tier) - 1)};
    change(task, offender, below, Reason::kGoodPolls, poll.cpu, now);
  }
}

void TierManager::State::judge_unslotted(ClassId id, const Offense& offense, Time now) {
  if (!offense.violation && offense.excess == Duration{}) return;
  ClassStanding& cls = standing(id, now);
  cls.advance(now);
  cls.count_unslotted(offense, now);
  mark_hot(id, cls);
}

void TierManager::tick(Time now) {
  now = state_->advance_clock(now);
  state_->decide_classes(now);
  state_->sweep(now);
}

bool TierManager::live(TaskId id) const { return state_->live_task(id) != nullptr; }

Tier TierManager::tier(TaskId id) const {
  const TaskState* task = state_->live_task(id);
  return task != nullptr ? task->tier : Tier::kMonitor;
}

Tier TierManager::tier(TaskId id, ClassId cls) const {
  const TaskState* task = state_->live_task(id);
  return task != nullptr ? task->tier : class_tier(cls);
}

Tier TierManager::class_tier(ClassId cls) const {
  const ClassStanding* found = state_->find_standing(cls);
  return found != nullptr ? found->tier() : Tier::kMonitor;
}

const ClassPolicy& TierManager::policy(ClassId cls) const {
  static const ClassPolicy unregistered = default_policy();
  const ClassStanding* found = state_->find_standing(cls);
  return found != nullptr ? found->policy() : unregistered;
}

std::optional<ClassId> TierManager::class_of(TaskId id) const {
  const TaskState* task = state_->live_task(id);
  if (task == nullptr) return {};
  return task->cls();
}

std::uint64_t TierManager::violations(ClassId cls) const {
  const ClassStanding* found = state_->find_standing(cls);
  return found != nullptr ? found->violations() : 0;
}

bool TierManager::take_report(ClassId cls, Time now) {
  now = state_->advance_clock(now);
  return state_->standing(state_->known(cls), now).take_report(now);
}

std::uint64_t TierManager::reports_withheld(ClassId cls) const {
  const ClassStanding* found = state_->find_standing(cls);
  return found != nullptr ? found->reports_withheld() : 0;
}

std::uint32_t TierManager::tasks_at(ClassId cls, Tier tier) const {
  const ClassStanding* found = state_->find_standing(cls);
  return found != nullptr ? found->tasks_at[index(tier)] : 0;
}

std::size_t TierManager::live_tasks() const { return state_->live; }
std::size_t TierManager::offenders() const { return state_->offenders.in_use(); }

std::size_t TierManager::memory_bytes() const {
  const State& s = *state_;
  const auto set_up = [](const auto& p) { return p != nullptr; };
  const auto classes = std::count_if(s.classes.begin(), s.classes.end(), set_up);
  return sizeof(State) + s.touched_pages * kPage + s.touched.size() / 8 +
         s.capacity.classes * (sizeof(ClassClock) + sizeof(void*)) +
         static_cast<std::size_t>(classes) * sizeof(ClassStanding) + s.offenders.bytes() +
         s.windows.bytes() + s.changes.capacity() * sizeof(TierChange) +
         s.reclassified.capacity() * sizeof(TaskId);
}

std::span<const TierChange> TierManager::changes() const { return state_->changes; }
std::span<const TaskId> TierManager::reclassified() const { return state_->reclassified; }
void TierManager::clear_changes() {
  state_->changes.clear();
  state_->reclassified.clear();
}

std::uint32_t TierManager::records() const { return state_->offenders.size(); }

std::optional<TierManager::Record> TierManager::record(std::uint32_t index) const {
  const Offender& offender = state_->offenders.at(index);
  if (offender.slot == kNoSlot) return {};
  const TaskState& task = state_->tasks[offender.slot];
  return Record{{offender.slot, task.generation()}, task.cls(), task.tier};
}

}  // namespace pulsed::policy
