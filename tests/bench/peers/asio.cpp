// pulsed-peers-asio: the load of the comparison on Boost.Asio, bare or with pulsed.
//
// A thread at SCHED_FIFO 1 reads light requests from standard input (see requests.cpp) and posts
// each as a task of its own, beside chains of long polls that have no checkpoint. peers.go and
// tokio/main.rs are the same for their runtimes: same options, same work, same JSON.
#include <sched.h>
#include <time.h>
#include <unistd.h>
#include <utility>  // Boost.Asio 1.74 needs it and does not include it

#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <pulsed/asio.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, as the requests say
using std::chrono::nanoseconds;

constexpr std::uint64_t kSlicesOfPoll = 20;  // what throughput is counted in: a 20th of a poll
constexpr nanoseconds kPoll = std::chrono::milliseconds(20);
constexpr nanoseconds kLight = std::chrono::microseconds(20);
constexpr std::size_t kMostRequests = 1 << 20;
constexpr std::chrono::milliseconds kGrace{200};  // for requests sent late in the window

struct Options {
  unsigned workers = 2;
  unsigned hogs = 0;
  unsigned endless = 0;
  double warmup = 0.5;
  double seconds = 2;
  std::uint64_t poll_steps = 0;
  bool calibrate = false;
  std::string run_dir;
  unsigned spares = 0;
};

std::int64_t now_ns() { return nanoseconds(Clock::now().time_since_epoch()).count(); }

// Each step needs the result of the one before, and no compiler merges two: so many steps take the
// same time in every language.
[[gnu::noinline]] std::uint64_t work(std::uint64_t steps) {
  std::uint64_t x = 88172645463325252;
  for (; steps != 0; --steps) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  asm volatile("" : : "r"(x));
  return x;
}

// The steps of 20 ms: the median of 15 short turns, by this thread's CPU clock.
std::uint64_t calibrated_steps() {
  constexpr std::uint64_t kSteps = 2'000'000;
  std::vector<std::int64_t> costs;
  for (int turn = 0; turn < 15; ++turn) {
    timespec before{};
    timespec after{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    work(kSteps);
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    costs.push_back((after.tv_sec - before.tv_sec) * 1'000'000'000 + after.tv_nsec -
                    before.tv_nsec);
  }
  std::sort(costs.begin(), costs.end());
  return kSteps * static_cast<std::uint64_t>(kPoll.count()) /
         static_cast<std::uint64_t>(costs[costs.size() / 2]);
}

struct Request {
  std::atomic<std::int64_t> intended = 0;
  std::atomic<std::int64_t> ran = 0;  // 0: not yet
};

// What is measured. Plain values without an order between them, looked at when all is over.
struct Measured {
  std::vector<Request> requests = std::vector<Request>(kMostRequests);
  std::atomic<std::size_t> submitted = 0;  // of them
  std::atomic<std::uint64_t> slices = 0;   // of hog polls
};

// Executors for the tasks of the load: what differs between bare Asio and pulsed.
struct Bare {
  asio::io_context& context;
  [[nodiscard]] auto light() const { return context.get_executor(); }
  [[nodiscard]] auto hog() const { return context.get_executor(); }
};

struct WithPulsed {
  asio::io_context& context;
  pulsed::Session& session;
  pulsed::TaskClass light_class = session.task_class("peers/light");
  pulsed::TaskClass hog_class = session.task_class("peers/hog");
  [[nodiscard]] auto light() const { return of(light_class); }
  [[nodiscard]] auto hog() const { return of(hog_class); }

 private:
  [[nodiscard]] pulsed::asio::task_executor<asio::io_context::executor_type> of(
      pulsed::TaskClass cls) const {
    return {context.get_executor(), session.open(cls)};
  }
};

template <typename Executors>
class Load {
 public:
  Load(const Executors& executors, const Options& options, Measured& measured)
      : executors_(executors),
        slice_steps_(options.poll_steps / kSlicesOfPoll),
        light_steps_(options.poll_steps * kLight.count() / kPoll.count()),
        measured_(measured) {}

  void start(unsigned hogs, unsigned endless) {
    for (unsigned i = 0; i < hogs; ++i) next_poll(executors_.hog());
    for (unsigned i = 0; i < endless; ++i) {
      asio::post(executors_.hog(), [this] {
        for (;;) slice();
      });
    }
  }

  // Until there are no more.
  void submit_requests() {
    sched_param lowest{};
    lowest.sched_priority = 1;
    ::sched_setscheduler(0, SCHED_FIFO, &lowest);  // refused to requests.cpp as well, which says so
    std::int64_t intended = 0;
    for (std::size_t i = 0; i < kMostRequests; ++i) {
      if (::read(STDIN_FILENO, &intended, sizeof(intended)) != sizeof(intended)) return;
      Request& request = measured_.requests[i];
      request.intended = intended;
      measured_.submitted = i + 1;
      asio::post(executors_.light(), [this, &request] {
        work(light_steps_);
        request.ran = now_ns();
      });
    }
  }

 private:
  template <typename Executor>
  void next_poll(const Executor& hog) {
    asio::post(hog, [this, hog] {
      for (std::uint64_t i = 0; i < kSlicesOfPoll; ++i) slice();
      next_poll(hog);
    });
  }

  void slice() {
    work(slice_steps_);
    measured_.slices.fetch_add(1, std::memory_order_relaxed);
  }

  const Executors executors_;
  const std::uint64_t slice_steps_;
  const std::uint64_t light_steps_;
  Measured& measured_;
};

nlohmann::json measure(const Options& options, Measured& measured) {
  std::this_thread::sleep_for(std::chrono::duration<double>(options.warmup));
  const std::int64_t begin = now_ns();
  const std::uint64_t slices_before = measured.slices;
  std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
  const std::int64_t end = now_ns();
  const std::uint64_t slices_after = measured.slices;
  std::this_thread::sleep_for(kGrace);
  const std::int64_t stop = now_ns();

  std::vector<std::int64_t> latencies;
  std::size_t unserved = 0;
  const std::size_t count = measured.submitted;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t intended = measured.requests[i].intended;
    const std::int64_t ran = measured.requests[i].ran;
    if (intended < begin || intended >= end) continue;
    if (ran == 0) ++unserved;  // it waited at least until now
    latencies.push_back((ran == 0 ? stop : ran) - intended);
  }
  const double polls = static_cast<double>(slices_after - slices_before) / kSlicesOfPoll;
  return {{"light_ns", latencies},
          {"unserved", unserved},
          {"polls_per_s", polls * 1e9 / static_cast<double>(end - begin)}};
}

template <typename Executors>
[[noreturn]] void run(asio::io_context& context, const Executors& executors,
                      const Options& options) {
  Measured measured;
  Load<Executors> load(executors, options, measured);
  load.start(options.hogs, options.endless);
  const auto work_guard = asio::make_work_guard(context);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.workers; ++i) threads.emplace_back([&] { context.run(); });
  threads.emplace_back([&] { load.submit_requests(); });
  std::cout << measure(options, measured).dump() << std::endl;
  // The chains never end, and an endless poll least of all.
  std::_Exit(0);
}

[[noreturn]] void run_with_pulsed(asio::io_context& context, const Options& options) {
  if (options.spares != 0) pulsed::asio::spare_workers(context, options.spares);
  pulsed::Session session{{.service = "pulsed-peers", .run_dir = options.run_dir}};
  if (!session.wait_attached(std::chrono::seconds(10))) {
    std::fprintf(stderr, "pulsed-peers-asio: no pulsed in '%s'\n", options.run_dir.c_str());
    std::_Exit(1);
  }
  run(context, WithPulsed{context, session}, options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{
      "Runs light requests, read from standard input, beside chains of 20 ms polls on Boost.Asio, "
      "and\n"
      "prints how long each request took, as JSON. tests/bench/peers/run does it all."};
  app.add_option("--workers", options.workers, "threads that run the io_context")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--hogs", options.hogs, "endless chains of 20 ms polls")->capture_default_str();
  app.add_option("--endless", options.endless, "polls that never end")->capture_default_str();
  app.add_option("--warmup", options.warmup, "seconds before the measured window")
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "the measured window")->capture_default_str();
  app.add_option("--poll-steps", options.poll_steps, "work of a poll; default: calibrate");
  app.add_flag("--calibrate", options.calibrate, "only print the steps of 20 ms");
  app.add_option("--run-dir", options.run_dir, "with the pulsed that listens there; default: bare");
  app.add_option("--spares", options.spares, "spare workers, with --run-dir; 0: the default")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (options.poll_steps == 0) options.poll_steps = calibrated_steps();
  if (options.calibrate) {
    std::printf("%llu\n", static_cast<unsigned long long>(options.poll_steps));
    return 0;
  }
  asio::io_context context(static_cast<int>(options.workers));
  try {
    if (options.run_dir.empty()) run(context, Bare{context}, options);
    run_with_pulsed(context, options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "pulsed-peers-asio: %s\n", e.what());
    return 1;
  }
}
