#include "deploy/demo/load/options.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>

namespace pulsed::demo::load {

CommandLine parse_command_line(int argc, char** argv) {
  Options options;
  const std::map<std::string, Spacing> spacings{{"poisson", Spacing::kPoisson},
                                                {"fixed", Spacing::kFixed}};
  CLI::App app{
      "Loads pulsed-demo and measures it: /lookup and /price in open loops, timed from when each "
      "request was meant to be sent, and heavy requests in closed loops. One thread; takes the "
      "highest priority it may."};
  app.add_option("--port", options.port, "port of pulsed-demo on 127.0.0.1")->required();
  app.add_option("--lookup-rate", options.lookup_rate, "/lookup requests a second")
      ->check(CLI::Range(0.1, 100'000.0))
      ->capture_default_str();
  app.add_option("--price-rate", options.price_rate, "/price requests a second")
      ->check(CLI::Range(0.0, 100'000.0))
      ->capture_default_str();
  app.add_option("--heavy", options.heavy, "what the closed loops ask for")
      ->check(CLI::IsMember({"report", "export", "restock"}))
      ->capture_default_str();
  app.add_option("--heavy-loops", options.heavy_loops, "closed loops on it")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "how long to measure")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--warmup", options.warmup_seconds,
                 "seconds of the same load before that, not measured")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  app.add_option("--arrivals", options.spacing, "gaps between the light requests: poisson or fixed")
      ->transform(CLI::CheckedTransformer(spacings))
      ->default_str("poisson");
  app.add_option("--seed", options.seed, "of the poisson gaps")->capture_default_str();
  app.add_option("--max-connections", options.pool.most,
                 "for each light route; beyond it requests wait, and are counted")
      ->check(CLI::Range(1, 20'000))
      ->capture_default_str();
  app.add_flag("--json", options.json, "print one JSON object instead of text");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
  }
  options.pool.initial = std::min(options.pool.initial, options.pool.most);
  return {options, 0};
}

}  // namespace pulsed::demo::load
