// Guarantee: whenever a reader looks, a task's reference stands beside no other poll's start. A reader that finds the same
// start before and after a non-zero task has the start of that task's poll.
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "tests/shim/attached_service.h"
#include "tests/shim/plain_worker.h"

namespace pulsed::test {
namespace {

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)

// The worker's line after each instruction, by the processor's trap flag.
class Steps {
 public:
  struct Pair {
    std::uint64_t start;
    std::uint64_t task;
    friend bool operator==(const Pair&, const Pair&) = default;
  };

  explicit Steps(const pulsed_worker_line& line) {
    line_ = &line;
    count_ = 0;
    struct sigaction action {};
    action.sa_handler = look;
    ::sigaction(SIGTRAP, &action, &before_);
  }
  ~Steps() { ::sigaction(SIGTRAP, &before_, nullptr); }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;

  // Both leave what lies below the stack pointer alone.
  static void begin() {
    asm volatile(
        "leaq -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tleaq 128(%%rsp), "
        "%%rsp" ::
            : "memory", "cc");
  }
  static void end() {
    asm volatile(
        "leaq -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\tleaq 128(%%rsp), "
        "%%rsp" ::
            : "memory", "cc");
  }
  // Each once, in order.
  [[nodiscard]] static std::vector<Pair> seen() {
    std::vector<Pair> pairs(pairs_.begin(), pairs_.begin() + count_);
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    return pairs;
  }

 private:
  static void look(int) {
    if (count_ < pairs_.size()) pairs_[count_++] = {line_->start, line_->task};
  }
  static inline const pulsed_worker_line* line_ = nullptr;
  static inline std::array<Pair, 4096> pairs_;
  static inline std::size_t count_ = 0;
  struct sigaction before_ {};
};

// x86 stores become visible in the order in which they are made, so that what stands there after each instruction is all
// that a reader can see.
TEST_CASE("between two polls the line never has the one's task with the other's start") {
  PlainWorker w;
  pulsed_poll_next(task_with(20, 1));
  const std::uint64_t first = w.line().start, first_task = w.line().task;
  w.page.hot.long_poll = UINT64_MAX;  // a step takes a while
  {
    const Steps steps(w.line());
    Steps::begin();
    pulsed_poll_next(task_with(21, 1));
    Steps::end();
  }
  const std::uint64_t second = w.line().start, second_task = w.line().task;
  const std::vector<Steps::Pair> seen = Steps::seen();
  const std::vector<Steps::Pair> expected{
      {first, first_task}, {first, 0}, {second, 0}, {second, second_task}};
  CHECK((seen == expected));
  CHECK(second != first);
  CHECK(w.line().write == 1);
  pulsed_poll_end();
}

#endif

// How often a reader beside found a wrong pair, while polls() is called over and over. A start names one poll, so that one
// start with two tasks shows one.
template <typename Polls>
std::uint64_t wrong_pairs(const pulsed_worker_line& line, Polls polls) {
  std::atomic<bool> done{false};  // the collector has seen enough
  std::uint64_t wrong = 0;
  std::thread collector([&] {
    std::uint64_t last_start = 0, last_task = 0;
    for (int seen = 0; seen != 200'000;) {
      const std::uint64_t before = __atomic_load_n(&line.start, __ATOMIC_ACQUIRE);
      const std::uint64_t task = __atomic_load_n(&line.task, __ATOMIC_ACQUIRE);
      const std::uint64_t after = __atomic_load_n(&line.start, __ATOMIC_ACQUIRE);
      if (task == 0 || before != after) continue;
      ++seen;
      wrong += after == last_start && task != last_task ? 1 : 0;
      last_start = after;
      last_task = task;
    }
    done = true;
  });
  while (!done.load(std::memory_order_relaxed)) polls();
  collector.join();
  return wrong;
}

TEST_CASE("a reader of the worker line never pairs a task with another poll's start") {
  const PlainWorker w;
  const auto nested = [] {
    pulsed_poll_begin({20});
    pulsed_poll_begin({21});
    pulsed_poll_end();
    pulsed_poll_end();
  };
  CHECK(wrong_pairs(w.line(), nested) == 0);
}

TEST_CASE(
    "a reader of the worker line never pairs a poll's task with the start of the one after it") {
  const PlainWorker w;
  const auto in_a_row = [] {
    pulsed_poll_next(task_with(20, 1));
    pulsed_poll_next(task_with(21, 1));
  };
  CHECK(wrong_pairs(w.line(), in_a_row) == 0);
  pulsed_poll_end();
}

}  // namespace
}  // namespace pulsed::test
