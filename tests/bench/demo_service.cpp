#include "tests/bench/demo_service.h"

#include <csignal>
#include <future>
#include <stdexcept>

#include "deploy/demo/load/heavy_loops.h"
#include "deploy/demo/load/light_loop.h"
#include "deploy/demo/load/own_process.h"
#include "tests/bench/bin_dir.h"
#include "tests/bench/machine.h"

namespace pulsed::bench {
namespace {

namespace asio = boost::asio;
using namespace demo::load;

constexpr char kListening[] = "listening on 127.0.0.1:";
constexpr char kClosedTarget[] = "/lookup?word=warranty";
constexpr std::size_t kClosedLoops = 16;
constexpr PoolSize kPool{.initial = 64, .most = 1024};
constexpr std::chrono::milliseconds kWarmUp{20};
constexpr std::chrono::seconds kLongestDrain{5};

test::Command command(const std::string& program, unsigned threads,
                      std::vector<std::string> arguments, const std::string& log) {
  arguments.insert(arguments.end(), {"--port", "0", "--threads", std::to_string(threads),
                                     "--report-steps", "1"});  // or it would calibrate reports
  return {bin_dir() + "/" + program, std::move(arguments), {}, log};
}

// Runs `drive(context, service, measurement)` on a thread of its own, whose priority and CPU end with it.
template <typename Drive>
Served run(const Load& load, Drive drive) {
  const auto driven = [&] {
    std::optional<Pinned> pinned;
    if (load.cpu) pinned.emplace(*load.cpu);
    if (!load.spins) (void)take_highest_priority();
    asio::io_context context(1);
    const asio::ip::tcp::endpoint service(asio::ip::address_v4::loopback(), load.port);
    const Clock::time_point begin = Clock::now() + kWarmUp;
    Measurement measurement({begin, begin + load.duration});
    return drive(context, service, measurement);
  };
  return std::async(std::launch::async, driven).get();
}

void run_context(asio::io_context& context, const Load& load, const Measurement& measurement) {
  const Clock::time_point end = measurement.window().end + kLongestDrain;
  if (!load.spins) {
    context.run_until(end);
    return;
  }
  while (!context.stopped() && Clock::now() < end) context.poll();
}

void check(const Measurement& measurement, std::size_t unanswered) {
  if (measurement.errors > 0) throw std::runtime_error("pulsed-demo: " + measurement.first_error);
  if (unanswered > 0) throw std::runtime_error("pulsed-demo left requests unanswered");
}

}  // namespace

DemoService::DemoService(const std::string& program, unsigned threads,
                         std::vector<std::string> arguments, const std::string& log)
    : process_(command(program, threads, std::move(arguments), log)) {
  const bool listens = test::wait_until([this] {
    const std::string text = process_.output();
    const std::size_t at = text.find(kListening);
    if (at == std::string::npos || text.find('\n', at) == std::string::npos) return false;
    port_ = static_cast<std::uint16_t>(std::stoul(text.substr(at + sizeof(kListening) - 1)));
    return true;
  });
  if (!listens) throw std::runtime_error(program + " does not listen: " + process_.output());
}

DemoService::~DemoService() {
  process_.signal(SIGTERM);
  (void)process_.wait_end();
}

Served saturate(const Load& load) {
  return run(load, [&](asio::io_context& context, const asio::ip::tcp::endpoint& service,
                       Measurement& measurement) {
    HeavyLoops loops(context, service, kClosedTarget, kClosedLoops, measurement);
    loops.run();
    run_context(context, load, measurement);
    check(measurement, loops.unanswered());
    return Served{measurement.heavy_per_second(), measurement.heavy().p99, measurement.heavy_total};
  });
}

Served serve_at(double per_second, std::uint64_t seed, const Load& load) {
  return run(load, [&](asio::io_context& context, const asio::ip::tcp::endpoint& service,
                       Measurement& measurement) {
    LightLoop lookups(context, service, Light::kLookup,
                      Arrivals(Spacing::kPoisson, per_second, seed), kPool, measurement);
    lookups.connect();
    lookups.run(Clock::now());
    run_context(context, load, measurement);
    check(measurement, lookups.unanswered());
    const Summary answered = measurement.light(Light::kLookup);
    const std::chrono::duration<double> seconds = load.duration;
    return Served{static_cast<double>(answered.count) / seconds.count(), answered.p99,
                  measurement.light_total(Light::kLookup)};
  });
}

}  // namespace pulsed::bench
