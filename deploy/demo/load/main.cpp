// pulsed-load: an open-loop load generator for pulsed-demo that leaves no coordinated omission.
#include <cstdio>
#include <exception>
#include <optional>

#include "deploy/demo/load/heavy_loops.h"
#include "deploy/demo/load/light_loop.h"
#include "deploy/demo/load/measurement.h"
#include "deploy/demo/load/options.h"
#include "deploy/demo/load/own_process.h"
#include "deploy/demo/load/result.h"

namespace {

using namespace pulsed::demo::load;
namespace asio = boost::asio;

constexpr std::chrono::seconds kLongestDrain{10};
constexpr std::uint64_t kPriceSeeds =
    1'000'000;  // or both schedules would be the same but for scale

Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
}

int run(const Options& options) {
  const std::string priority = take_highest_priority();
  asio::io_context context(1);
  const asio::ip::tcp::endpoint service(asio::ip::address_v4::loopback(), options.port);
  const Clock::time_point connect_start = Clock::now();
  // Connecting the pool must not eat into the schedule.
  const Clock::time_point start = connect_start + std::chrono::milliseconds(100);
  const Clock::time_point begin = start + seconds(options.warmup_seconds);
  Measurement measurement({begin, begin + seconds(options.seconds)});
  LightLoop lookups(context, service, Light::kLookup,
                    Arrivals(options.spacing, options.lookup_rate, options.seed), options.pool,
                    measurement);
  std::optional<LightLoop> prices;
  lookups.connect();
  if (options.price_rate > 0) {
    prices.emplace(context, service, Light::kPrice,
                   Arrivals(options.spacing, options.price_rate, options.seed + kPriceSeeds),
                   options.pool, measurement);
    prices->connect();
  }
  HeavyLoops heavy(context, service, "/" + options.heavy, options.heavy_loops, measurement);
  const auto cpu_before = cpu_time_used();
  lookups.run(start);
  if (prices) prices->run(start);
  heavy.run();
  context.run_until(measurement.window().end + kLongestDrain);
  const std::chrono::duration<double> cpu = cpu_time_used() - cpu_before;
  const std::chrono::duration<double> elapsed = Clock::now() - connect_start;
  const std::size_t unanswered =
      lookups.unanswered() + (prices ? prices->unanswered() : 0) + heavy.unanswered();
  for (std::size_t i = unanswered; i > 0; --i) {
    measurement.failed("no answer within 10 s of the end");
  }
  const std::size_t connections = lookups.connections() + (prices ? prices->connections() : 0);
  const Result result{options, measurement, connections, priority,
                      100 * cpu.count() / elapsed.count()};
  std::fputs((options.json ? result_json(result) : result_text(result)).c_str(), stdout);
  return measurement.errors == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const CommandLine line = parse_command_line(argc, argv);
  if (!line.options) return line.exit_status;
  try {
    return run(*line.options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pulsed-load: 127.0.0.1:%u: %s\n", line.options->port, error.what());
    return 1;
  }
}
