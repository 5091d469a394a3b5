#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string>

#include "daemon/config/config_yaml.h"
#include "daemon/config/file_text.h"
#include "daemon/config/policy_yaml.h"

namespace pulsed::config {
namespace {

int trials(int few) { return std::getenv("PULSED_TEST_FULL") != nullptr ? few * 20 : few; }

constexpr std::array<std::string_view, 44> kPieces{"\n",
                                                   "\n  ",
                                                   "  ",
                                                   ": ",
                                                   ":",
                                                   "- ",
                                                   "\n- ",
                                                   "[",
                                                   "]",
                                                   "{",
                                                   "}",
                                                   ", ",
                                                   "\"",
                                                   "'",
                                                   "#",
                                                   "&a ",
                                                   "*a",
                                                   "!!int ",
                                                   "---\n",
                                                   "...\n",
                                                   "? ",
                                                   "| ",
                                                   "> ",
                                                   "%YAML 1.2\n",
                                                   "~",
                                                   "null",
                                                   "\t",
                                                   "\r\n",
                                                   "\\",
                                                   "0",
                                                   "99999999999999999999",
                                                   "-1",
                                                   "1.5ms",
                                                   "500us",
                                                   "<<: ",
                                                   "\xC3\xA9",
                                                   "\xFF",
                                                   "priority: low",
                                                   "match: {}",
                                                   "window: 1s",
                                                   "workers",
                                                   "none",
                                                   "idle",
                                                   "demote_to: "};

// One to three edits: a byte, a piece put in, a stretch cut out, doubled or moved; and often just another digit, so that
// good texts are among them.
std::string mutated(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = below(40);
    switch (below(12)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 1:
        text.insert(at, kPieces[below(kPieces.size())]);
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(at, text.substr(at, length));
        break;
      case 4:
        text.insert(below(text.size() + 1), text.substr(at, length));
        break;
      default:
        if (const auto digit = text.find_first_of("0123456789", at); digit != text.npos) {
          text[digit] = static_cast<char>('0' + below(10));
        }
    }
  }
  return text;
}

std::string without_comments(const std::string& yaml) {
  std::string out;
  for (std::size_t at = 0; at < yaml.size();) {
    const std::size_t end = yaml.find('\n', at) + 1;
    const std::string line = yaml.substr(at, end - at);
    const auto first = line.find_first_not_of(' ');
    if (line[first] != '#' && line[first] != '\n') out += line;
    at = end;
  }
  return out;
}

void check_errors(const std::vector<ConfigError>& errors) {
  CHECK(!errors.empty());
  CHECK(errors.size() <= Diagnostics::kMost + 1);
  for (const ConfigError& error : errors) CHECK(!error.message.empty());
}

// Whatever stands in the file, reading it ends with a policy that holds, or with errors. What is accepted prints as a text
// that reads as the same policy, and resolves.
TEST_CASE("a damaged policy is refused, or is a policy that prints and resolves") {
  const std::string start =
      without_comments(*read_file(PULSED_SOURCE_DIR "/deploy/examples/policy.yaml").text);
  const std::string rules =
      start.substr(0, start.find("rules:")) +
      "rules:\n  - match: {service: \"shop*\", class: \"a/?\"}\n"
      "    priority: high\n    max_tier: yield\n"
      "  - match: {class: b}\n    good_poll: [1us, 2us, 3us, 4us]\n"
      "    demote_to: idle\n    max_spare_workers: 30\n"
      "  - match: {class: \"a/*\"}\n    demote_to: 12\n    spare_after: 20ms\n";
  REQUIRE(read_policy(rules, "p"));
  std::mt19937 random(20'231);
  int accepted = 0;
  for (int i = 0; i < trials(4'000); ++i) {
    const std::string yaml = mutated(rules, random);
    CAPTURE(yaml);
    const auto outcome = read_policy(yaml, "p");
    REQUIRE(outcome.value.has_value() == outcome.errors.empty());
    if (!outcome) {
      check_errors(outcome.errors);
      continue;
    }
    ++accepted;
    const auto again = read_policy(to_yaml(*outcome.value), "printed");
    REQUIRE(again);
    CHECK(*again.value == *outcome.value);
    const auto resolved =
        policy::resolve(*outcome.value, {"shop-1", "a/b"}, policy::Priority::kCritical);
    CHECK(resolved.fields.emergency_poll > resolved.fields.poll_budget);
    const std::uint32_t spares = resolved.fields.max_spare_workers;
    CHECK((spares <= 4096 || spares == policy::kAsManyAsWorkers));
    CHECK(resolved.fields.demote_to.nice >= 1);
    CHECK(resolved.fields.demote_to.nice <= 19);
  }
  CHECK(accepted > trials(4'000) / 50);
  CHECK(accepted < trials(4'000));
}

TEST_CASE("a damaged configuration is refused, or keeps its bounds") {
  const std::string start =
      without_comments(*read_file(PULSED_SOURCE_DIR "/deploy/examples/pulsed.yaml").text);
  REQUIRE(read_config(start, "c", Config{}));
  std::mt19937 random(20'232);
  for (int i = 0; i < trials(4'000); ++i) {
    const std::string yaml = mutated(start, random);
    CAPTURE(yaml);
    const auto outcome = read_config(yaml, "c", Config{});
    REQUIRE(outcome.value.has_value() == outcome.errors.empty());
    if (!outcome) {
      check_errors(outcome.errors);
      continue;
    }
    const Config& config = outcome.value->config;
    CHECK(config.loop.near_budget_tick <= config.loop.tick);
    CHECK(config.loop.tick <= config.loop.rest_tick);
    CHECK(3 * config.loop.rest_tick <= config.lease);
    CHECK(config.limits.workers <= PULSED_MAX_WORKERS);
  }
}

}  // namespace
}  // namespace pulsed::config
