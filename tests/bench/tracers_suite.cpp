// What others pay to know of an empty poll.
#include <dlfcn.h>
#include <prometheus/histogram.h>
#include <time.h>

#include <chrono>
#include <optional>
#include <stdexcept>

#include "tests/bench/attached_worker.h"
#include "tests/bench/interleaved.h"
#include "tests/bench/machine.h"
#include "tests/bench/suites.h"
#include "tests/bench/tracers/lttng_polls.h"
#include "tests/bench/tracers/lttng_session.h"

namespace pulsed::bench {
namespace {

constexpr std::uint64_t kPolls = 4096;     // a turn: one of each task
constexpr std::uint64_t kSlowPolls = 512;  // of what takes most of a microsecond
constexpr char kEmpty[] = "an empty loop";
constexpr char kPulsed[] = "poll begin + end";
constexpr char kCpuClock[] = "CLOCK_THREAD_CPUTIME_ID read at begin and end";
constexpr char kHistogram[] = "prometheus-cpp histogram, steady_clock read at begin and end";
constexpr char kOneEvent[] = "LTTng-UST tracepoint at begin, recorded in its ring";
constexpr char kTwoEvents[] = "  two, at begin and end";
constexpr char kIdleEvent[] = "LTTng-UST tracepoint that no session enables";
// Empty where the build did not find LTTng-UST.
constexpr char kLttngLibrary[] = PULSED_BENCH_LTTNG;

// What there is of LTTng-UST.
class Lttng {
 public:
  explicit Lttng(std::vector<std::string>& absent) {
    if (kLttngLibrary[0] == '\0') {
      absent.emplace_back("LTTng-UST: not installed");
      return;
    }
    try {
      session_.emplace("pulsed_bench:begin,pulsed_bench:end");  // before the library looks for it
    } catch (const std::runtime_error& e) {
      absent.push_back(std::string("LTTng-UST, recorded: ") + e.what());
    }
    load(absent);
    if (polls_ == nullptr || !session_) return;
    if (test::wait_until([this] { return polls_->recorded() != 0; })) return;
    absent.emplace_back("LTTng-UST, recorded: the session daemon did not enable the tracepoints");
    session_.reset();
  }

  [[nodiscard]] const traced_polls* polls() const { return polls_; }  // null: not there
  [[nodiscard]] bool recorded() const { return polls_ != nullptr && session_.has_value(); }
  // An event that went nowhere would be a cheap one.
  void check_recorded() {
    if (session_->recorded_bytes() < LttngSession::kRingBytes / 2) {
      throw std::logic_error("LTTng's rings are not full of the events that were measured");
    }
  }

 private:
  void load(std::vector<std::string>& absent) {
    // For good: liblttng-ust cannot be unloaded, its threads rest.
    void* const library = ::dlopen(kLttngLibrary, RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) {
      polls_ = static_cast<const traced_polls*>(::dlsym(library, "lttng_polls"));
    }
    if (polls_ == nullptr) absent.push_back(std::string("LTTng-UST: ") + ::dlerror());
  }

  std::optional<LttngSession> session_;
  const traced_polls* polls_ = nullptr;
};

void pulsed_polls(const std::vector<pulsed_task>& tasks) {
  for (const pulsed_task task : tasks) {
    pulsed_poll_begin(task);
    keep();
    pulsed_poll_end();
  }
}

void empty_polls(const std::vector<pulsed_task>& tasks) {
  for (const pulsed_task task : tasks) keep(task.ref);
}

std::uint64_t cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}

void cpu_clock_polls() {
  for (std::uint64_t i = 0; i < kSlowPolls; ++i) {
    const std::uint64_t begin = cpu_ns();
    keep();
    keep(cpu_ns() - begin);
  }
}

// Each poll falls into the first bucket, which is found soonest.
void observed_polls(prometheus::Histogram& histogram) {
  using Clock = std::chrono::steady_clock;
  for (std::uint64_t i = 0; i < kPolls; ++i) {
    const Clock::time_point begin = Clock::now();
    keep();
    histogram.Observe(std::chrono::duration<double>(Clock::now() - begin).count());
  }
}

}  // namespace

void tracers_suite(const Effort& effort, Results& results) {
  Lttng lttng(results.absent);
  const Pinned pinned(0);  // not those that LTTng runs beside
  AttachedWorker attached(kPolls);
  const std::vector<pulsed_task>& tasks = attached.tasks();
  std::vector<std::uint64_t> refs;
  for (const pulsed_task task : tasks) refs.push_back(task.ref);
  prometheus::Histogram histogram({1e-6, 1e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 1e-1});

  std::vector<Loop> loops{
      {kEmpty, kPolls, [&] { empty_polls(tasks); }},
      {kPulsed, kPolls, [&] { pulsed_polls(tasks); }, [&] { attached.empty_ring(); }},
      {kCpuClock, kSlowPolls, cpu_clock_polls},
      {kHistogram, kPolls, [&] { observed_polls(histogram); }}};
  const auto lttng_loop = [&](const char* name, auto polls) {
    loops.push_back({name, kPolls, [&refs, polls] { polls(refs.data(), refs.size()); }});
  };
  if (lttng.recorded()) {
    lttng_loop(kOneEvent, lttng.polls()->one_event);
    lttng_loop(kTwoEvents, lttng.polls()->two_events);
  }
  if (lttng.polls() != nullptr) lttng_loop(kIdleEvent, lttng.polls()->idle_event);

  const std::uint64_t before = attached.written();
  const Turns turns = Turns::of(loops, effort.turns);
  if (attached.written() - before != kPolls * (static_cast<std::uint64_t>(effort.turns) + 1)) {
    throw std::logic_error("polls were measured that were not recorded");
  }
  if (lttng.recorded()) lttng.check_recorded();

  for (const Loop& loop : loops) {
    if (loop.name == kEmpty || loop.name == kPulsed || loop.name == kIdleEvent) continue;
    const Summary ratio = turns.ratio(loop.name, kPulsed);
    results.figures.push_back({loop.name, ratio.median, ratio.spread, "x", kPulsed});
  }
  if (lttng.polls() == nullptr) return;
  const Summary ns = turns.ns_beyond(kIdleEvent, kEmpty);  // as a detached poll is measured
  results.figures.push_back({kIdleEvent, ns.median, ns.spread, "ns beyond", kEmpty});
}

}  // namespace pulsed::bench
