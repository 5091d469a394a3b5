#include "deploy/demo/load/result.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "deploy/demo/load/own_process.h"

namespace pulsed::demo::load {
namespace {

using Json = nlohmann::ordered_json;

Json summary_json(const Summary& summary) {
  return {{"count", summary.count},
          {"mean", milliseconds(summary.mean)},
          {"p50", milliseconds(summary.p50)},
          {"p99", milliseconds(summary.p99)},
          {"p999", milliseconds(summary.p999)},
          {"max", milliseconds(summary.max)}};
}

const char* name(Spacing spacing) { return spacing == Spacing::kPoisson ? "poisson" : "fixed"; }

std::string summary_line(const char* what, const Summary& summary) {
  char line[200];
  std::snprintf(line, sizeof(line),
                "%-16s p50 %8.3f  p99 %8.3f  p99.9 %8.3f  max %8.3f ms  (%zu)\n", what,
                milliseconds(summary.p50), milliseconds(summary.p99), milliseconds(summary.p999),
                milliseconds(summary.max), summary.count);
  return line;
}

}  // namespace

std::string result_json(const Result& result) {
  const Measurement& measured = result.measurement;
  const Json json{{"lookup_ms", summary_json(measured.light(Light::kLookup))},
                  {"price_ms", summary_json(measured.light(Light::kPrice))},
                  {"heavy", result.options.heavy},
                  {"heavy_ms", summary_json(measured.heavy())},
                  {"heavy_per_s", measured.heavy_per_second()},
                  {"lateness_ms", summary_json(measured.lateness())},
                  {"lookups_total", measured.light_total(Light::kLookup)},
                  {"prices_total", measured.light_total(Light::kPrice)},
                  {"heavy_total", measured.heavy_total},
                  {"errors", measured.errors},
                  {"first_error", measured.first_error},
                  {"waits", measured.waits},
                  {"connections", result.connections},
                  {"arrivals", name(result.options.spacing)},
                  {"lookup_rate", result.options.lookup_rate},
                  {"price_rate", result.options.price_rate},
                  {"seed", result.options.seed},
                  {"priority", result.priority},
                  {"cpu_percent", result.cpu_percent}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string result_text(const Result& result) {
  const Measurement& measured = result.measurement;
  std::string text = summary_line("/lookup", measured.light(Light::kLookup));
  if (result.options.price_rate > 0) {
    text += summary_line("/price", measured.light(Light::kPrice));
  }
  text += summary_line(("/" + result.options.heavy).c_str(), measured.heavy()) +
          summary_line("sent too late by", measured.lateness());
  char rest[400];
  std::snprintf(
      rest, sizeof(rest),
      "/%s: %.1f a second; %llu errors; %llu requests waited for a connection; %zu connections for "
      "light requests\n"
      "%s arrivals, %.0f a second; the load generator ran at %s and used %.1f %% of a core\n",
      result.options.heavy.c_str(), measured.heavy_per_second(),
      static_cast<unsigned long long>(measured.errors),
      static_cast<unsigned long long>(measured.waits), result.connections,
      name(result.options.spacing), result.options.lookup_rate + result.options.price_rate,
      result.priority.c_str(), result.cpu_percent);
  text += rest;
  if (result.priority != kRealtime) {
    text += "not being allowed SCHED_FIFO, it may itself be kept waiting: see how late it sent\n";
  }
  if (measured.errors > 0) text += "first error: " + measured.first_error + "\n";
  return text;
}

}  // namespace pulsed::demo::load
