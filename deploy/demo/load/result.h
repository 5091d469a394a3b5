// The outcome of a run, for people and for programs.
#pragma once

#include <cstddef>
#include <string>

#include "deploy/demo/load/measurement.h"
#include "deploy/demo/load/options.h"

namespace pulsed::demo::load {

struct Result {
  const Options& options;
  const Measurement& measurement;
  std::size_t connections;
  std::string priority;  // it ran at, as take_highest_priority() says
  double cpu_percent;    // of one core, by the load generator itself
};

[[nodiscard]] std::string result_json(const Result& result);
[[nodiscard]] std::string result_text(const Result& result);

}  // namespace pulsed::demo::load
