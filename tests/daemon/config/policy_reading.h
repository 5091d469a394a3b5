// policy.yaml as the tests of its reading give it: what comes of it, or what is said against it.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "daemon/config/policy_yaml.h"

namespace pulsed::config {

// Each mistake on a line of its own; the file is called p.
inline std::string faults(const std::string& yaml) {
  const auto outcome = read_policy(yaml, "p");
  CHECK(outcome.value.has_value() == outcome.errors.empty());
  std::string out;
  for (const ConfigError& error : outcome.errors) out += text(error) + "\n";
  return out;
}

inline policy::Policy good(const std::string& yaml) {
  auto outcome = read_policy(yaml, "p");
  for (const ConfigError& error : outcome.errors) FAIL_CHECK(text(error));
  REQUIRE(outcome.value);
  return *std::move(outcome.value);
}

}  // namespace pulsed::config
