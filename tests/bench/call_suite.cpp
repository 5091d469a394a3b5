#include <cstdlib>

#include "tests/bench/attached_worker.h"
#include "tests/bench/interleaved.h"
#include "tests/bench/suites.h"

namespace pulsed::bench {
namespace {

constexpr std::uint64_t kCalls = 100'000;
constexpr std::uint64_t kTasks = 4096;  // a turn: two samples each, which fit the ring
constexpr char kEmpty[] = "an empty loop";

void empty_loop() {
  for (std::uint64_t i = 0; i < kCalls; ++i) keep();
}
void ask_loop() {
  for (std::uint64_t i = 0; i < kCalls; ++i) {
    if (pulsed_should_yield() != 0) std::abort();  // nobody asks in here
    keep();
  }
}
void poll_loop() {
  for (std::uint64_t i = 0; i < kCalls; ++i) {
    pulsed_poll_begin({0});
    keep();
    pulsed_poll_end();
  }
}

void next_loop() {
  for (std::uint64_t i = 0; i < kCalls; ++i) {
    pulsed_poll_next({0});
    keep();
  }
}

void yield_figures(AttachedWorker& attached, const Effort& effort, Results& results) {
  pulsed_poll_begin(attached.tasks().front());
  const Turns t =
      Turns::of({{kEmpty, kCalls, empty_loop}, {"ask", kCalls, ask_loop}}, effort.turns);
  pulsed_poll_end();
  const Summary ns = t.ns_beyond("ask", kEmpty);
  results.figures.push_back(
      {"should_yield, a call in a loop", ns.median, ns.spread, "ns beyond", kEmpty});
}

void task_figures(AttachedWorker& attached, const Effort& effort, Results& results) {
  pulsed_session* session = attached.session().c_session();
  const auto tasks = [session] {
    for (std::uint64_t i = 0; i < kTasks; ++i) {
      const pulsed_task task = pulsed_task_open(session, 1);
      keep(task.ref);
      pulsed_task_close(session, task);
    }
  };
  const auto blocks = [] {
    for (std::uint64_t i = 0; i < kTasks; ++i) {
      void* block = std::malloc(64);
      keep(reinterpret_cast<std::uint64_t>(block));
      std::free(block);
    }
  };
  const auto empty = [&] { attached.empty_ring(); };
  constexpr char kMalloc[] = "malloc + free of 64 bytes";
  const Turns t =
      Turns::of({{kMalloc, kTasks, blocks}, {"task", kTasks, tasks, empty}}, effort.turns);
  const Summary ratio = t.ratio("task", kMalloc), ns = t.ns("task");
  results.figures.push_back(
      {"task open + close on a worker", ratio.median, ratio.spread, "x", kMalloc});
  results.figures.push_back({"  the same in time", ns.median, ns.spread, "ns", ""});
}

void inert_figures(const Effort& effort, Results& results) {
  const Turns t = Turns::of({{kEmpty, kCalls, empty_loop},
                             {"polls", kCalls, poll_loop},
                             {"asks", kCalls, ask_loop},
                             {"nexts", kCalls, next_loop},
                             {"bare", kCalls, [] { disabled_baseline(kCalls); }},
                             {"out", kCalls, [] { disabled_polls(kCalls); }}},
                            effort.turns);
  const Summary polls = t.ns_beyond("polls", kEmpty), asks = t.ns_beyond("asks", kEmpty);
  const Summary nexts = t.ns_beyond("nexts", kEmpty), out = t.ns_beyond("out", "bare");
  results.figures.push_back(
      {"detached: poll begin + end", polls.median, polls.spread, "ns beyond", kEmpty});
  results.figures.push_back(
      {"detached: poll next", nexts.median, nexts.spread, "ns beyond", kEmpty});
  results.figures.push_back(
      {"detached: should_yield", asks.median, asks.spread, "ns beyond", kEmpty});
  results.figures.push_back({"PULSED_DISABLED: a poll", out.median, out.spread, "ns beyond", kEmpty,
                             Target::kAtMost, 0.05});
}

}  // namespace

void call_suite(const Effort& effort, Results& results) {
  {
    AttachedWorker attached(64);
    yield_figures(attached, effort, results);
    task_figures(attached, effort, results);
  }
  inert_figures(effort, results);  // this thread is no worker any more
}

}  // namespace pulsed::bench
