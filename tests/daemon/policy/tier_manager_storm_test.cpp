// Random events by the hundred thousand: whatever comes, in whatever order, the books balance.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/daemon/policy/scene.h"

namespace pulsed::policy::testing {
namespace {

constexpr std::uint32_t kSlots = 200;
constexpr std::uint16_t kClasses = 6;

class Storm {
 public:
  explicit Storm(std::uint32_t seed) : random_(seed), tiers_({kSlots, kClasses}) {
    for (std::uint16_t c = 0; c + 1 < kClasses; ++c) set_policy(ClassId{c});
  }

  void event() {
    now_ += Duration{pick(2'000'000)};
    if (pick(200) == 0) now_ += Duration{pick(5'000'000'000)};
    switch (pick(16)) {
      case 0:
        ++generation_[slot_ = pick(kSlots)];
        return tiers_.task_opened(task(), cls(), now_);
      case 1:
        slot_ = pick(kSlots);
        return tiers_.task_closed(task(), now_);
      case 2:
      case 3:
        return look();
      case 4:
        return tiers_.tick(now_);
      case 5:
        return pick(50) == 0 ? set_policy(cls()) : void();
      default:
        return end();
    }
  }

  void check_books() {
    std::size_t live = 0;
    for (std::uint16_t c = 0; c < kClasses; ++c) {
      for (std::size_t t = 0; t < kTierCount; ++t) {
        live += tiers_.tasks_at(ClassId{c}, Tier{static_cast<std::uint8_t>(t)});
      }
      CHECK(tiers_.class_tier(ClassId{c}) <= max_tier(ClassId{c}));
      for (std::size_t t = index(max_tier(ClassId{c})) + 1; t < kTierCount; ++t) {
        CHECK(tiers_.tasks_at(ClassId{c}, Tier{static_cast<std::uint8_t>(t)}) == 0);
      }
    }
    CHECK(live == tiers_.live_tasks());
    CHECK(live <= kSlots);
    CHECK(tiers_.offenders() <= live);
    CHECK(tiers_.memory_bytes() < 1'000'000);
    check_chains();
  }

  // A task's changes follow on one another, and the last is where it stands.
  void check_chains() {
    for (const TierChange& change : tiers_.changes()) {
      CHECK(change.when >= last_change_);
      last_change_ = change.when;
      CHECK(change.from != change.to);
      const bool of_class = change.task.slot == kNoSlot;
      const auto key =
          std::tuple{change.task.slot, change.task.generation, of_class ? index(change.cls) : 0};
      const auto at = stands_.find(key);
      if (at != stands_.end()) CHECK(at->second == change.from);
      stands_[key] = change.to;
    }
    tiers_.clear_changes();
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
      const auto at = stands_.find({slot, generation_[slot], 0});
      const Tier tier = tiers_.tier({slot, generation_[slot]});
      if (at != stands_.end() && tier != Tier::kMonitor) CHECK(at->second == tier);
    }
  }

  void close_all() {
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
      tiers_.task_closed({slot, generation_[slot]}, now_);
    }
    CHECK(tiers_.live_tasks() == 0);
    CHECK(tiers_.offenders() == 0);
  }

  // With no task left to hold them up, classes come down.
  void calm() {
    for (int i = 0; i < 400; ++i) tiers_.tick(now_ += 1s);
    for (std::uint16_t c = 0; c < kClasses; ++c)
      CHECK(tiers_.class_tier(ClassId{c}) == Tier::kMonitor);
  }

  [[nodiscard]] std::size_t changes_seen() const { return stands_.size(); }

 private:
  std::uint32_t pick(std::uint64_t n) { return static_cast<std::uint32_t>(random_() % n); }
  ClassId cls() { return ClassId{static_cast<std::uint16_t>(pick(kClasses))}; }
  [[nodiscard]] TaskId task() const { return {slot_, generation_[slot_]}; }
  TaskId any_task() {
    slot_ = pick(kSlots);
    TaskId id = task();
    if (pick(20) == 0) id.generation = static_cast<std::uint16_t>(id.generation - 1 - pick(3));
    if (pick(40) == 0) id.slot = kNoSlot;
    return id;
  }
  ClassId usual_class() {
    return pick(30) == 0 ? cls() : ClassId{static_cast<std::uint16_t>(slot_ % kClasses)};
  }
  Duration any_cpu() {
    const bool hog = slot_ % 7 == 0;
    return Duration{pick(pick(hog ? 2 : 20) == 0 ? 8'000'000 : 150'000)};
  }

  void look() {
    const TaskId id = any_task();
    Duration cpu = any_cpu();
    bool counted = false;
    Duration counted_cpu{};
    for (std::uint32_t n = pick(4); n > 0; --n, cpu += Duration{pick(1'000'000)}) {
      const InFlightVerdict v = tiers_.poll_in_flight({.task = id,
                                                       .cls = usual_class(),
                                                       .cpu = cpu,
                                                       .counted = counted,
                                                       .counted_cpu = counted_cpu},
                                                      now_);
      CHECK_FALSE((v.violation && counted));
      counted = counted || v.violation;
      if (counted) counted_cpu = cpu;
      now_ += 1ms;
    }
    tiers_.poll_ended({.task = id,
                       .cls = usual_class(),
                       .cpu = cpu,
                       .wall = cpu,
                       .cpu_known = true,
                       .counted = counted,
                       .counted_cpu = counted_cpu},
                      now_);
  }

  void end() {
    const TaskId id = any_task();
    const Duration cpu = any_cpu();
    tiers_.poll_ended({.task = id,
                       .cls = usual_class(),
                       .cpu = cpu,
                       .wall = cpu + Duration{pick(100'000)},
                       .cpu_known = pick(2) == 0,
                       .counted = false,
                       .counted_cpu = {}},
                      now_ - Duration{pick(1000)});
  }

  void set_policy(ClassId c) {
    Policy policy;
    policy.profile = Profile{static_cast<std::uint8_t>(pick(kProfileCount))};
    if (pick(2) == 0) policy.defaults.window = Duration{1'000'000 + pick(2'000'000'000)};
    if (pick(4) == 0) policy.defaults.cooldown_window = Duration{1'000'000 + pick(2'000'000'000)};
    policy.defaults.demotion_good_polls = {20, 3, 3, 3};
    policy.defaults.max_tier = Tier{static_cast<std::uint8_t>(pick(8) == 0 ? pick(kTierCount) : 3)};
    REQUIRE_FALSE(contradiction(policy));
    const auto priority = Priority{static_cast<std::uint8_t>(pick(kPriorityCount))};
    max_tier_[index(c)] = *policy.defaults.max_tier;
    tiers_.set_class_policy(c, resolve(policy, {"s", "c"}, priority), now_);
    std::uint32_t units = 1'000'000;
    tiers_.settle(now_, units);
  }
  [[nodiscard]] Tier max_tier(ClassId c) const { return max_tier_[index(c)]; }

  std::mt19937_64 random_;
  TierManager tiers_;
  Time now_ = 1s;
  Time last_change_{};
  std::uint32_t slot_ = 0;
  std::array<std::uint16_t, kSlots> generation_{};
  // The last class is never given a policy: it stands under the default one.
  std::array<Tier, kClasses> max_tier_{Tier::kIsolate, Tier::kIsolate, Tier::kIsolate,
                                       Tier::kIsolate, Tier::kIsolate, Tier::kIsolate};
  std::map<std::tuple<std::uint32_t, std::uint16_t, std::size_t>, Tier> stands_;
};

}  // namespace

TEST_CASE("a storm of 100,000 random events leaves the books balanced, for every seed") {
  for (const std::uint32_t seed : {1U, 2U, 3U, 4U}) {
    CAPTURE(seed);
    Storm storm(seed);
    for (int i = 0; i < 100'000; ++i) {
      storm.event();
      if (i % 500 == 0) storm.check_books();
    }
    storm.check_books();
    CHECK(storm.changes_seen() > 500);
    storm.close_all();
    storm.calm();
  }
}

}  // namespace pulsed::policy::testing
