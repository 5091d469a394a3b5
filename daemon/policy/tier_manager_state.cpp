#include "daemon/policy/tier_manager_state.h"

#include <algorithm>
#include <new>

namespace pulsed::policy {
namespace {

// How many records one tick looks at: a full round takes a few ticks, and a tick stays short.
constexpr std::uint32_t kSweepStep = 256;
constexpr std::uint32_t kSlotsAPage = kPage / sizeof(TaskState);

template <typename T>
T* zeroed(std::size_t n) {
  // calloc maps large tables lazily: pages of slots that are never used cost nothing.
  void* p = std::calloc(n, sizeof(T));
  if (p == nullptr) throw std::bad_alloc{};
  return static_cast<T*>(p);
}

}  // namespace

ClassPolicy default_policy() {
  return {Priority::kNormal, scaled(profile_fields(Profile::kBalanced), Priority::kNormal)};
}

Offense offense_of(const Burn& burn, const TierFields& fields) {
  if (burn.cpu <= fields.poll_budget) return {};
  return {
      .violation = !burn.counted,
      .slow = burn.counted_cpu < fields.slow_poll && burn.cpu >= fields.slow_poll,
      .excess = std::max(burn.cpu - std::max(burn.counted_cpu, fields.poll_budget), Duration{})};
}

TierManager::State::State(Capacity wanted)
    : capacity{std::clamp(wanted.tasks, 1U, 1U << 24), std::clamp(wanted.classes, 1U, 4096U)},
      tasks(zeroed<TaskState>(capacity.tasks)),
      clocks(zeroed<ClassClock>(capacity.classes)),
      classes(capacity.classes),
      touched(capacity.tasks * sizeof(TaskState) / kPage + 1) {}

ClassId TierManager::State::known(ClassId cls) const {
  return index(cls) < capacity.classes ? cls : ClassId{0};
}

ClassStanding& TierManager::State::standing(ClassId cls, Time now) {
  std::unique_ptr<ClassStanding>& p = classes[index(cls)];
  if (!p) p = std::make_unique<ClassStanding>(clocks[index(cls)], default_policy(), now);
  return *p;
}

const ClassStanding* TierManager::State::find_standing(ClassId cls) const {
  return classes[index(known(cls))].get();
}

const TaskState* TierManager::State::live_task(TaskId id) const {
  if (id.slot >= capacity.tasks) return nullptr;
  const TaskState& task = tasks[id.slot];
  return task.live() && task.generation() == id.generation ? &task : nullptr;
}

TierManager::State::Whose TierManager::State::find(TaskId id, ClassId cls, Time now) {
  if (id.slot >= capacity.tasks) return Whose::kClass;
  const TaskState& task = tasks[id.slot];
  if (task.seen()) {
    const auto ahead = static_cast<std::int16_t>(id.generation - task.generation());
    if (ahead < 0) return Whose::kNobody;
    if (ahead == 0 && !task.live()) return Whose::kClass;
    if (ahead == 0) {
      if (task.cls() != cls) reclassify(id.slot, cls, now);
      return Whose::kTask;
    }
  }
  open(id, cls, now);
  return Whose::kNewTask;
}

void TierManager::State::open(TaskId id, ClassId cls, Time now) {
  TaskState& task = tasks[id.slot];
  if (task.live()) close(id.slot, now);
  touch(id.slot);
  ClassStanding& standing_of = standing(cls, now);
  task = {TaskState::good(id.generation, cls), 0, kNoRecord, standing_of.tier()};
  ++standing_of.tasks_at[index(task.tier)];
  ++live;
  if (task.tier != Tier::kMonitor) remember(id.slot, now);
}

void TierManager::State::close(std::uint32_t slot, Time now) {
  TaskState& task = tasks[slot];
  ClassStanding& cls = standing(task.cls(), now);
  if (task.remembered()) {
    const Offender& offender = offenders.at(task.offender);
    if (offender.window != kNoRecord) {
      OffenseWindow& window = windows.at(offender.window);
      window.advance(cls.advance(now));
      cls.task_left(window, task.tier);
    }
    forget(task);
  }
  --cls.tasks_at[index(task.tier)];
  --live;
  task.identity &= ~TaskState::kLive;
  task.active_stamp = 0;
}

void TierManager::State::mark_closed(TaskId id) {
  touch(id.slot);
  tasks[id.slot].identity = TaskState::kSeen | id.generation;
}

void TierManager::State::touch(std::uint32_t slot) {
  const std::size_t page = slot * sizeof(TaskState) / kPage;
  if (touched[page]) return;
  touched[page] = true;
  ++touched_pages;
}

void TierManager::State::reclassify(std::uint32_t slot, ClassId to, Time now) {
  TaskState& task = tasks[slot];
  ClassStanding& was = standing(task.cls(), now);
  ClassStanding& is = standing(to, now);
  const std::uint32_t was_stamp = was.advance(now);
  const std::uint32_t is_stamp = is.advance(now);
  was.drop_active(task);
  --was.tasks_at[index(task.tier)];
  ++is.tasks_at[index(task.tier)];
  constexpr std::uint32_t kFlags = TaskState::kLive | TaskState::kSeen | TaskState::kRemembered;
  task.identity = TaskState::good(task.generation(), to) | (task.identity & kFlags);
  if (task.remembered()) {
    const Offender& offender = offenders.at(task.offender);
    if (offender.window != kNoRecord) windows.at(offender.window).move(was_stamp, is_stamp);
  }
  const bool treated_alike = was.policy().enforcement == is.policy().enforcement &&
                             was.policy().may_migrate == is.policy().may_migrate;
  if (task.tier != Tier::kMonitor && !treated_alike)
    reclassified.push_back({slot, task.generation()});
  keep_in_bounds(slot, now);
}

void TierManager::State::keep_in_bounds(std::uint32_t slot, Time now) {
  TaskState& task = tasks[slot];
  const ClassStanding& cls = standing(task.cls(), now);
  const Tier to = cls.allowed(task.tier);
  if (to == task.tier) return;
  const Reason reason = cls.pinned() ? Reason::kPin : Reason::kPolicy;
  change(task, remember(slot, now), to, reason, Duration{}, now);
}

void TierManager::State::unsettle(ClassStanding& cls) {
  cls.unsettled = true;
  settle_left = capacity.tasks;
}

bool TierManager::State::settle(Time now, std::uint32_t& units) {
  if (settle_left == 0) return true;
  std::uint32_t looks = 0;
  while (settle_left != 0 && units != 0) {
    if (++looks % kSlotsAUnit == 0) --units;
    if (settle_next >= capacity.tasks) settle_next = 0;
    const std::uint32_t slot = settle_next;
    // Nothing is to be found on a page that was never written.
    const std::uint32_t page_left = kSlotsAPage - slot % kSlotsAPage;
    const std::uint32_t passed =
        touched[slot / kSlotsAPage] ? 1 : std::min(page_left, capacity.tasks - slot);
    settle_next += passed;
    settle_left -= std::min(settle_left, passed);
    const TaskState& task = tasks[slot];
    if (passed != 1 || !task.live() || !standing(task.cls(), now).unsettled) continue;
    const Tier before = task.tier;
    keep_in_bounds(slot, now);
    if (task.tier != before) units -= std::min(units, kUnitsAMove);
  }
  if (settle_left != 0) return false;
  for (const auto& cls : classes) {
    if (cls) cls->unsettled = false;
  }
  return true;
}

Offender& TierManager::State::remember(std::uint32_t slot, Time now) {
  TaskState& task = tasks[slot];
  if (task.remembered()) return offenders.at(task.offender);
  task.offender = offenders.acquire();
  task.identity |= TaskState::kRemembered;
  Offender& offender = offenders.at(task.offender);
  offender = Offender{.slot = slot, .since = now};
  return offender;
}

void TierManager::State::forget(TaskState& task) {
  Offender& offender = offenders.at(task.offender);
  void_window(offender);
  offender.slot = kNoSlot;
  offenders.release(task.offender);
  task.offender = kNoRecord;
  task.identity &= ~TaskState::kRemembered;
}

OffenseWindow& TierManager::State::window_of(Offender& offender, std::uint32_t stamp) {
  if (offender.window == kNoRecord) {
    offender.window = windows.acquire();
    windows.at(offender.window).open(stamp);
  }
  return windows.at(offender.window);
}

void TierManager::State::void_window(Offender& offender) {
  if (offender.window == kNoRecord) return;
  windows.release(offender.window);
  offender.window = kNoRecord;
}

void TierManager::State::change(TaskState& task, Offender& offender, Tier to, Reason reason,
                                Duration cpu, Time now) {
  const Tier from = task.tier;
  ClassStanding& cls = standing(task.cls(), now);
  if (offender.window != kNoRecord) {
    OffenseWindow& window = windows.at(offender.window);
    window.advance(cls.advance(now));
    cls.task_moved(window, from, to);
    window.start_anew();
  }
  --cls.tasks_at[index(from)];
  ++cls.tasks_at[index(to)];
  task.tier = to;
  offender.note_change(cls.fields(), now);
  changes.push_back({now, {offender.slot, task.generation()}, task.cls(), from, to, reason, cpu});
}

void TierManager::State::sweep(Time now) {
  if (offenders.in_use() == 0) return;
  const std::uint32_t step = std::min(kSweepStep, offenders.size());
  for (std::uint32_t n = 0; n < step; ++n) {
    // A release may have shrunk the pool.
    if (sweep_next >= offenders.size()) sweep_next = 0;
    Offender& offender = offenders.at(sweep_next++);
    if (offender.slot == kNoSlot) continue;
    TaskState& task = tasks[offender.slot];
    ClassStanding& cls = standing(task.cls(), now);
    const std::uint32_t stamp = cls.advance(now);
    const bool has_window = offender.window != kNoRecord;
    if (has_window && windows.at(offender.window).empty(stamp)) void_window(offender);
    if (task.tier != Tier::kMonitor || offender.window != kNoRecord) continue;
    if (offender.forgettable(cls.fields(), now)) forget(task);
  }
}

void TierManager::State::mark_hot(ClassId id, ClassStanding& cls) {
  if (cls.hot) return;
  cls.hot = true;
  hot.push_back(id);
}

void TierManager::State::decide_classes(Time now) {
  for (std::size_t i = 0; i < hot.size();) {
    const ClassId id = hot[i];
    ClassStanding& cls = standing(id, now);
    cls.advance(now);
    const Tier from = cls.tier();
    if (const std::optional<Tier> to = cls.decide(now)) {
      changes.push_back({now, {kNoSlot, 0}, id, from, *to, Reason::kClassShare, Duration{}});
    }
    if (cls.idle()) {
      cls.hot = false;
      hot[i] = hot.back();
      hot.pop_back();
    } else {
      ++i;
    }
  }
}

}  // namespace pulsed::policy
