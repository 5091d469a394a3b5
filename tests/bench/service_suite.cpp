// What carrying pulsed costs a whole service: pulsed-demo serving light requests, against the same built without the shim.
// The policy is the default one under `enforce`, and has nothing to do: no request comes near its budget.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "deploy/demo/load/own_process.h"
#include "tests/bench/bin_dir.h"
#include "tests/bench/demo_service.h"
#include "tests/bench/distribution.h"
#include "tests/bench/machine.h"
#include "tests/bench/process_cpu.h"
#include "tests/bench/suites.h"
#include "tests/support/own_daemon.h"
#include "tests/support/temp_dir.h"

namespace pulsed::bench {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

constexpr char kBaseline[] = "the demo without the shim";
constexpr double kFixedLoad = 0.5;  // of what it serves at saturation without the shim

// A variant of the service, or of what runs beside it: kBesideWaker is without the shim, and its daemon a thread that
// only wakes as often.
enum Variant : std::size_t { kWithout, kDetached, kAttached, kBesideWaker };
constexpr std::size_t kVariants = 4;

// Wakes a thousand times a second at the highest priority it may have, as the control loop under load, and does nothing.
class Waker {
 public:
  Waker() = default;
  ~Waker() { stop_ = true; }
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

 private:
  std::atomic<bool> stop_ = false;
  std::jthread thread_{[this] {
    (void)demo::load::take_highest_priority();
    while (!stop_) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }};
};

// Who runs on which CPU, as Pinned counts them; nothing: on any.
struct Placement {
  unsigned workers;
  std::optional<unsigned> service, load, daemon;
};

// What was found in each turn, by variant.
class Found {
 public:
  void add(Variant variant, double value) { values_[variant].push_back(value); }
  [[nodiscard]] Summary of(Variant variant) const { return median_of(values_[variant]); }
  [[nodiscard]] Summary ratio(Variant variant) const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < values_[variant].size(); ++i) {
      ratios.push_back(values_[variant][i] / values_[kWithout][i]);
    }
    return median_of(ratios);
  }

 private:
  std::array<std::vector<double>, kVariants> values_;
};

struct Measured {
  Found per_second;
  Found cpu_us;  // of the service, a request
  Found p99_us;
  Found daemon_percent;  // of a core
};

// The three variants, of which one at a time is under load while the others wait for a request.
class Services {
 public:
  explicit Services(const Placement& placement) : placement_(placement) {
    {
      const auto pinned = pin(placement.daemon);
      daemon_.emplace(bin_dir(), test::DaemonOptions{.policy = "enforcement: enforce\n"});
    }
    const auto pinned = pin(placement.service);
    start(kWithout, "pulsed-demo-without", {});
    start(kDetached, "pulsed-demo", {"--run-dir", logs_.path()});
    start(kAttached, "pulsed-demo", {"--run-dir", daemon_->run_dir()});
    start(kBesideWaker, "pulsed-demo-without", {});
    const bool attached =
        test::wait_until([&] { return daemon_->sum("pulsed_service_processes", kService) == 1; });
    if (!attached) throw std::runtime_error("pulsed-demo did not attach: " + daemon_->log());
  }

  // A turn of each variant, in another order each time. drive(Load) puts it under load.
  template <typename Drive>
  void turn(const std::vector<Variant>& variants, Nanoseconds duration, Drive drive,
            Measured& measured) {
    const std::size_t first = turns_++;
    for (std::size_t i = 0; i < variants.size(); ++i) {
      const Variant variant = variants[(first + i) % variants.size()];
      measure(variant, {services_[variant]->port(), duration, placement_.load}, drive, measured);
    }
  }

  // Spare workers that the daemon woke in the attached service, a second of its load. Throws std::logic_error if the daemon
  // has not seen what that service did.
  [[nodiscard]] double spare_wakes_per_second() {
    daemon_->process().signal(SIGCONT);
    const auto polls = [&] { return daemon_->sum("pulsed_polls_total", kService); };
    if (!test::wait_until([&] { return polls() >= static_cast<double>(attached_requests_); })) {
      throw std::logic_error("the daemon saw fewer polls than there were requests");
    }
    return daemon_->sum("pulsed_spare_wakes_total", kService) / attached_seconds_.count();
  }

 private:
  static inline const test::Metrics::Labels kService{{"service", "pulsed-demo"}};

  [[nodiscard]] static std::unique_ptr<Pinned> pin(std::optional<unsigned> cpu) {
    return cpu ? std::make_unique<Pinned>(*cpu) : nullptr;
  }

  void start(Variant variant, const std::string& program, std::vector<std::string> arguments) {
    services_[variant] =
        std::make_unique<DemoService>(program, placement_.workers, std::move(arguments),
                                      logs_.path() + "/" + std::to_string(variant) + ".log");
  }

  template <typename Drive>
  void measure(Variant variant, const Load& load, Drive drive, Measured& measured) {
    // Stopped meanwhile, so that its rest is not part of the baseline.
    daemon_->process().signal(variant == kAttached ? SIGCONT : SIGSTOP);
    std::optional<Waker> waker;
    if (variant == kBesideWaker) waker.emplace();
    const pid_t service = services_[variant]->process().pid(), daemon = daemon_->process().pid();
    const Nanoseconds service_before = cpu_time_of(service), daemon_before = cpu_time_of(daemon);
    const auto begin = std::chrono::steady_clock::now();
    const Served served = drive(load);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    const auto used = [](pid_t process, Nanoseconds before) {
      return static_cast<double>((cpu_time_of(process) - before).count());
    };
    measured.per_second.add(variant, served.per_second);
    measured.cpu_us.add(variant,
                        used(service, service_before) / 1e3 / static_cast<double>(served.requests));
    measured.p99_us.add(variant, static_cast<double>(served.p99.count()) / 1e3);
    measured.daemon_percent.add(variant, 100 * used(daemon, daemon_before) / took.count());
    if (variant != kAttached) return;
    attached_requests_ += served.requests;
    attached_seconds_ += took;
  }

  const Placement placement_;
  test::TempDir logs_;
  std::optional<test::OwnDaemon> daemon_;
  std::array<std::unique_ptr<DemoService>, kVariants> services_;
  std::size_t turns_ = 0;
  std::uint64_t attached_requests_ = 0;
  std::chrono::duration<double> attached_seconds_{};
};

struct Length {
  int turns;  // a round
  std::chrono::milliseconds each;
};

void saturated(Services& services, const std::vector<Variant>& variants, Length length,
               Measured& measured) {
  const auto drive = [](Load load) {
    load.spins = load.cpu.has_value();
    return saturate(load);
  };
  for (int i = 0; i < length.turns; ++i) services.turn(variants, length.each, drive, measured);
}

void at_fixed_load(Services& services, double per_second, std::uint64_t round, Length length,
                   Measured& measured) {
  for (int i = 0; i < length.turns; ++i) {
    // The same moments for all of a turn.
    const auto drive = [&](const Load& load) {
      return serve_at(per_second, 1000 * round + static_cast<std::uint64_t>(i), load);
    };
    services.turn({kWithout, kDetached, kAttached}, length.each, drive, measured);
  }
}

Figure against_without(const std::string& name, const Found& found, Variant variant) {
  const Summary ratio = found.ratio(variant);
  return {name, ratio.median, ratio.spread, "x", kBaseline};
}
Figure in_itself(const std::string& name, const Summary& found, const std::string& unit) {
  return {name, found.median, found.spread, unit, ""};
}
Figure with_target(Figure figure) {
  figure.target = Target::kAtLeast;
  figure.bound = 0.99;
  return figure;
}

// The service has a CPU to itself: what its own threads pay. Each round has new processes, since where code and memory come
// to lie makes one a little faster than another for as long as it lives.
void figures_apart(unsigned cpus, const Effort& effort, std::vector<Figure>& figures) {
  using std::chrono::milliseconds;
  const int rounds = effort.quick ? 4 : 15;
  const Length saturation{effort.quick ? 2 : 6, milliseconds(200)};
  const Length fixed{effort.quick ? 1 : 2, milliseconds(effort.quick ? 200 : 600)};
  Measured most, half;
  for (int round = 1; round <= rounds; ++round) {
    Services services({1, 0, 1, cpus > 2 ? 2 : 1});
    saturated(services, {kWithout, kDetached, kAttached}, saturation, most);
    const double rate = std::max(1.0, kFixedLoad * most.per_second.of(kWithout).median);
    at_fixed_load(services, rate, static_cast<std::uint64_t>(round), fixed, half);
    (void)services.spare_wakes_per_second();  // there are none beside a single worker
  }
  figures.push_back(with_target(
      against_without("demo under an idle policy: requests/s", most.per_second, kAttached)));
  figures.push_back(against_without("  CPU time a request", most.cpu_us, kAttached));
  figures.push_back(against_without("  p99 at half that load", half.p99_us, kAttached));
  figures.push_back(in_itself("  CPU time of the daemon meanwhile",
                              most.daemon_percent.of(kAttached), "% of a core"));
  figures.push_back(
      against_without("demo without a daemon: requests/s", most.per_second, kDetached));
  figures.push_back(against_without("  CPU time a request", most.cpu_us, kDetached));
  figures.push_back(against_without("  p99 at half that load", half.p99_us, kDetached));
  figures.push_back(
      in_itself("demo without the shim: requests/s", most.per_second.of(kWithout), "1/s"));
  figures.push_back(in_itself("  CPU time a request", most.cpu_us.of(kWithout), "us"));
  figures.push_back(in_itself("  p99 at half that load", half.p99_us.of(kWithout), "us"));
}

// Service, load and daemon share all CPUs, which are full: what the machine pays. A poll that is kept from a CPU for longer
// than `spare_after` wakes a spare worker, idle policy or not.
void figures_together(unsigned cpus, const Effort& effort, std::vector<Figure>& figures) {
  const int rounds = effort.quick ? 3 : 15;
  const Length length{effort.quick ? 2 : 6, std::chrono::milliseconds(200)};
  Measured most;
  std::vector<double> wakes;
  for (int round = 0; round < rounds; ++round) {
    Services services({std::clamp(cpus, 2U, 64U), {}, {}, {}});
    saturated(services, {kWithout, kAttached, kBesideWaker}, length, most);
    wakes.push_back(services.spare_wakes_per_second());
  }
  figures.push_back(with_target(against_without("demo, daemon and load on all CPUs: requests/s",
                                                most.per_second, kAttached)));
  figures.push_back(against_without("  CPU time a request", most.cpu_us, kAttached));
  figures.push_back(in_itself("  CPU time of the daemon meanwhile",
                              most.daemon_percent.of(kAttached), "% of a core"));
  figures.push_back(against_without("  beside a thread that only wakes as often: requests/s",
                                    most.per_second, kBesideWaker));
  figures.push_back(in_itself("  spare workers woken", median_of(wakes), "1/s"));
  figures.push_back(
      in_itself("  without the shim: requests/s", most.per_second.of(kWithout), "1/s"));
}

}  // namespace

void service_suite(const Effort& effort, Results& results) {
  const unsigned cpus = std::thread::hardware_concurrency();
  if (cpus < 2) {
    results.absent.emplace_back("the demo on a CPU of its own: there is only one");
  } else {
    figures_apart(cpus, effort, results.figures);
  }
  figures_together(cpus, effort, results.figures);
}

}  // namespace pulsed::bench
