#include <random>
#include <stdexcept>

#include "tests/bench/interleaved.h"
#include "tests/bench/suites.h"
#include "tests/support/attached_by_hand.h"

namespace pulsed::bench {
namespace {

constexpr std::uint32_t kRing = 16384;
constexpr std::uint16_t kClasses = 8;
constexpr char kCopy[] = "copying the samples out";

// A service whose one ring is filled anew before each turn with sound polls of its tasks.
class FilledService {
 public:
  explicit FilledService(std::uint32_t tasks)
      : hand_(true, {1, kRing, tasks + 16, kClasses + 1}), slots_(tasks) {
    for (std::uint16_t id = 1; id <= kClasses; ++id) {
      hand_.add_class(id, "class " + std::to_string(id));
    }
    hand_.add_worker(0);
    hand_.tick();
    for (std::uint32_t slot = 0; slot < tasks; ++slot) {
      hand_.push(0, ref(slot, PULSED_KIND_OPEN));
      if (slot % kRing == kRing - 1 || slot + 1 == tasks) hand_.tick();
    }
  }

  void fill() {
    hand_.pass(std::chrono::milliseconds(1));
    for (std::uint32_t i = 0; i < kRing; ++i) {
      const auto slot = static_cast<std::uint32_t>(random_() % slots_);
      const auto wall = std::chrono::microseconds(20 + i % 64);
      hand_.push(0, ref(slot, PULSED_KIND_POLL) | PULSED_FLAG_CPU_EXACT,
                 hand_.clock().to_ticks(wall));
    }
  }
  void drain_and_decide() {
    hand_.tick();
    hand_.service().tiers.tick(hand_.now());
    hand_.service().tiers.clear_changes();
  }
  void copy_out() {
    shm::RingReader& ring = hand_.service().workers[0].ring;
    std::uint64_t sum = 0;
    (void)ring.drain(UINT32_MAX, [&](pulsed_sample s) { sum += s.ref ^ s.span; });
    keep(sum);
  }
  [[nodiscard]] std::uint64_t rejected() { return hand_.service().rejected_records; }

 private:
  [[nodiscard]] static std::uint64_t ref(std::uint32_t slot, std::uint64_t kind) {
    const auto cls = static_cast<std::uint16_t>(1 + slot % kClasses);
    return test::AttachedByHand::ref(slot + 16, 1, cls, kind);
  }

  test::AttachedByHand hand_;
  std::uint32_t slots_;
  std::minstd_rand random_{1};
};

Turns measure(FilledService& service, int turns) {
  const auto fill = [&] { service.fill(); };
  return Turns::of({{kCopy, kRing, [&] { service.copy_out(); }, fill},
                    {"decide", kRing, [&] { service.drain_and_decide(); }, fill}},
                   turns);
}

}  // namespace

void collect_suite(const Effort& effort, Results& results) {
  const auto report = [&](std::uint32_t tasks, const std::string& name, Target target,
                          double bound) {
    FilledService service(tasks);
    const Turns t = measure(service, effort.turns);
    const Summary rate = t.millions_per_second("decide"), ratio = t.ratio("decide", kCopy);
    results.figures.push_back({name, rate.median, rate.spread, "M samples/s", "", target, bound});
    results.figures.push_back({"  the same as a ratio", ratio.median, ratio.spread, "x", kCopy});
    if (service.rejected() != 0) throw std::logic_error("the collector rejected what it was given");
  };
  report(4096, "drain + decide, 4096 hot tasks", Target::kAtLeast, 50);
  report(effort.cold_tasks, "drain + decide, " + std::to_string(effort.cold_tasks) + " cold tasks",
         Target::kNone, 0);
}

}  // namespace pulsed::bench
