// What the Asio adapter adds to a handler that is posted and run.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>
#include <pulsed/asio.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/bench/attached_worker.h"
#include "tests/bench/interleaved.h"
#include "tests/bench/machine.h"
#include "tests/bench/suites.h"
#include "tests/support/temp_dir.h"

namespace pulsed::bench {
namespace {

namespace net = boost::asio;
using Inner = net::io_context::executor_type;
using TaskExecutor = pulsed::asio::task_executor<Inner>;

constexpr std::uint64_t kPosts = 4096;  // a turn: two samples each, which fit the ring
constexpr std::uint32_t kTasks = 32;
constexpr char kBare[] = "the same on bare Boost.Asio";
constexpr char kAdapter[] = "adapter";

// Handlers that each post the next one, to one executor after another.
template <typename Executor>
class Chain {
 public:
  Chain(net::io_context& context, std::vector<Executor> executors)
      : context_(context), executors_(std::move(executors)) {}

  void run(std::uint64_t posts) {
    left_ = posts;
    context_.restart();
    next();
    context_.run();
  }

 private:
  void next() {
    if (left_ == 0) return;
    --left_;
    net::post(executors_[left_ % executors_.size()], [this] {
      keep();
      next();
    });
  }

  net::io_context& context_;
  const std::vector<Executor> executors_;
  std::uint64_t left_ = 0;
};

Turns measure(Session& session, int turns, const std::function<void()>& prepare) {
  net::io_context bare_context, context;
  std::vector<TaskExecutor> executors;
  const TaskClass cls = session.task_class("bench/post");
  for (std::uint32_t i = 0; i < kTasks; ++i) {
    executors.emplace_back(context.get_executor(), session.open(cls));
  }
  Chain<Inner> bare(bare_context, std::vector<Inner>(kTasks, bare_context.get_executor()));
  Chain<TaskExecutor> adapter(context, std::move(executors));
  return Turns::of({{kBare, kPosts, [&] { bare.run(kPosts); }},
                    {kAdapter, kPosts, [&] { adapter.run(kPosts); }, prepare}},
                   turns);
}

Turns measure_attached(int turns) {
  AttachedWorker attached(kTasks);
  const std::uint64_t before = attached.written();
  const Turns t = measure(attached.session(), turns, [&] { attached.empty_ring(); });
  // Tasks opened and closed are samples, too.
  if (attached.written() - before < 2 * kPosts * (static_cast<std::uint64_t>(turns) + 1)) {
    throw std::logic_error("polls were measured that were not recorded");
  }
  return t;
}

Turns measure_detached(int turns) {
  const test::TempDir nobody_listens;
  Session session({.run_dir = nobody_listens.path(), .log = [](void*, const char*) {}});
  return measure(session, turns, [] {});
}

// A thread is the worker of one session, so each state has a thread of its own.
Turns on_own_thread(Turns (*measured)(int), int turns) {
  return std::async(std::launch::async, measured, turns).get();
}

}  // namespace

void adapter_suite(const Effort& effort, Results& results) {
  const Pinned pinned(0);
  const Turns attached = on_own_thread(measure_attached, effort.turns);
  const Turns detached = on_own_thread(measure_detached, effort.turns);
  const auto figure = [&](const char* name, const Summary& s, const char* unit,
                          const char* baseline) {
    results.figures.push_back({name, s.median, s.spread, unit, baseline});
  };
  figure("Asio post + run through task_executor", attached.ratio(kAdapter, kBare), "x", kBare);
  figure("  what it adds", attached.ns_beyond(kAdapter, kBare), "ns beyond", kBare);
  figure("  its baseline in time", attached.ns(kBare), "ns", "");
  figure("  detached", detached.ratio(kAdapter, kBare), "x", kBare);
}

}  // namespace pulsed::bench
