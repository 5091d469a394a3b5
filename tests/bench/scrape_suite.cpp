#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/bin_dir.h"
#include "tests/bench/distribution.h"
#include "tests/bench/suites.h"
#include "tests/support/many_classes.h"
#include "tests/support/own_daemon.h"

namespace pulsed::bench {
namespace {

constexpr unsigned kClasses = 1000;
constexpr std::size_t kShownByDefault = 100;
constexpr char kPolicy[] = "enforcement: shadow\n";
constexpr char kGzip[] = "Accept-Encoding: gzip\r\n";  // as Prometheus asks

struct Scrape {
  double ms;
  std::size_t bytes;
};

Scrape scrape(const test::OwnDaemon& daemon, const std::string& headers = "") {
  const auto begin = std::chrono::steady_clock::now();
  const auto reply = test::http_get(daemon.port(), "/metrics", headers);
  const auto took = std::chrono::steady_clock::now() - begin;
  if (!reply || reply->status != 200) throw std::runtime_error("no metrics came");
  return {std::chrono::duration<double, std::milli>(took).count(), reply->body.size()};
}

// Until a scrape shows so many classes, and all their polls.
void wait_for_classes(const test::OwnDaemon& daemon, std::size_t shown) {
  const auto all_are_in = [&] {
    const test::Metrics metrics = daemon.metrics();
    return metrics.sum("pulsed_polls_total") == test::ManyClasses::kPolls * kClasses &&
           metrics.count("pulsed_polls_total") == shown;
  };
  if (!test::wait_until(all_are_in)) throw std::runtime_error("not every class is shown");
}

struct Scrapes {
  std::vector<double> ms;
  std::size_t bytes = 0;
};

Scrapes repeat(const test::OwnDaemon& daemon, int count, const std::string& headers = "") {
  Scrapes all;
  for (int i = 0; i < count; ++i) {
    const Scrape one = scrape(daemon, headers);
    all.ms.push_back(one.ms);
    all.bytes = std::max(all.bytes, one.bytes);
  }
  return all;
}

void report(Results& results, const std::string& name, const Scrapes& scrapes) {
  const Summary took = median_of(scrapes.ms);
  results.figures.push_back({name, took.median, took.spread, "ms", "", Target::kAtMost, 50});
  results.figures.push_back({"  its size", static_cast<double>(scrapes.bytes) / 1e6, 0, "MB", ""});
}

// The picture of everything is taken by the control loop, which looks at no poll meanwhile. Its ticks at rest are in it too.
void report_loop_part(const test::OwnDaemon& daemon, int count, Results& results) {
  const auto ticked = [&] { return daemon.sum("pulsed_tick_duration_seconds_sum"); };
  const double before = ticked();
  repeat(daemon, count);
  // A scrape shows ticks that have ended: its own comes in the next.
  const double ms = 1e3 * (ticked() - before) / (count + 1);
  results.figures.push_back({"  the control loop is held for", ms, 0, "ms a scrape", ""});
}

void report_growth(test::OwnDaemon& daemon, Results& results) {
  constexpr int kScrapes = 200;
  repeat(daemon, 20);  // buffers find their size
  const auto before = static_cast<double>(daemon.process().resident_bytes());
  repeat(daemon, kScrapes);
  const auto after = static_cast<double>(daemon.process().resident_bytes());
  results.figures.push_back({"  the daemon's memory, after 200 more scrapes",
                             (after - before) / 1024, 0, "KiB more", ""});
  results.figures.push_back({"  the daemon's memory", after / (1 << 20), 0, "MiB", ""});
}

// How much of the control loop's time the pictures of very much take, however often they are asked for.
void report_loop_share(const test::OwnDaemon& daemon, const Effort& effort, Results& results) {
  const auto share = [&](const auto& meanwhile) {
    const auto begin = std::chrono::steady_clock::now();
    const double before = daemon.sum("pulsed_tick_duration_seconds_sum");
    while (std::chrono::steady_clock::now() - begin < std::chrono::seconds{effort.quick ? 2 : 8})
      meanwhile();
    const double busy = daemon.sum("pulsed_tick_duration_seconds_sum") - before;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return 100 * busy / took.count();
  };
  const double alone = share([] { std::this_thread::sleep_for(std::chrono::milliseconds{100}); });
  const double asked = share([&] { (void)test::http_get(daemon.port(), "/status.json"); });
  results.figures.push_back({"the control loop's time, 64 services of 4,000 classes", alone, 0, "%",
                             "its own history alone"});
  results.figures.push_back({"  the same, asked at full speed", asked, 0, "%", ""});
}

}  // namespace

void scrape_suite(const Effort& effort, Results& results) {
  const int count = effort.quick ? 15 : 100;
  {
    test::OwnDaemon daemon(
        bin_dir(),
        {.policy = kPolicy,
         .config = "series: {label_values: 4096, classes_per_service: 4096, classes: 4096}\n"});
    const test::ManyClasses service(daemon.run_dir(), 1, kClasses);
    wait_for_classes(daemon, kClasses);
    report(results, "scrape, 1000 classes live and all shown", repeat(daemon, count));
    report(results, "  with gzip, as Prometheus asks", repeat(daemon, count, kGzip));
    report_loop_part(daemon, count, results);
    report_growth(daemon, results);
  }
  {
    test::OwnDaemon daemon(bin_dir(), {.policy = kPolicy});
    const test::ManyClasses service(daemon.run_dir(), 1, kClasses);
    wait_for_classes(daemon, kShownByDefault + 1);  // and `other`
    report(results, "  under the default bounds, 100 of them shown", repeat(daemon, count, kGzip));
  }
  const test::OwnDaemon daemon(bin_dir(), {.policy = kPolicy});
  const test::ManyClasses services(daemon.run_dir(), 64, 4'000);
  const auto all_are_in = [&] {
    return daemon.sum("pulsed_polls_total") == test::ManyClasses::kPolls * 64 * 4'000;
  };
  if (!test::wait_until(all_are_in)) throw std::runtime_error("not every poll is counted");
  report_loop_share(daemon, effort, results);
}

}  // namespace pulsed::bench
