// Debian's Prometheus, with a configuration, a store and a port of its own, which scrapes one pulsed as its job `pulsed`.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {

class OwnPrometheus {
 public:
  static constexpr const char* kProgram = "/usr/bin/prometheus";

  // Returns once it answers. Throws std::runtime_error, with its log, if that does not happen.
  explicit OwnPrometheus(std::uint16_t target);

  // The value of an expression that has one sample, now. Nothing if it has none yet, or several.
  [[nodiscard]] std::optional<double> value(const std::string& expression) const;
  // What `/api/v1/<path>` says as its data; null if it does not answer.
  [[nodiscard]] nlohmann::json get(const std::string& path) const;
  [[nodiscard]] std::string log() const { return process_->output(); }

 private:
  bool start();

  TempDir dir_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

// For the value of a parameter.
[[nodiscard]] std::string url_encoded(const std::string& text);

}  // namespace pulsed::test
