#include "daemon/http/status.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace pulsed::http {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using nlohmann::json;

TEST_CASE("the status says what the daemon, its services and its classes are") {
  Snapshot s;
  s.daemon.version = "1.2.3";
  s.daemon.policy_revision = 7;
  s.daemon.started_at = std::chrono::system_clock::time_point(1'764'000'000'250ms);
  s.daemon.demotes = true;
  s.services.push_back(
      {.service = "shop", .processes = 2, .workers = 8, .in_flight_over_budget = 3});
  s.services.push_back({.service = "mill", .processes = 1, .workers = 3, .quarantined = true});
  s.classes.push_back({.service = "shop",
                       .task_class = "render",
                       .polls = 12,
                       .cpu_ns = 1'500'000'000,
                       .tasks = {5, 1, 0, 2},
                       .tier = policy::Tier::kYield,
                       .pinned = policy::Tier::kMonitor});
  s.classes.push_back({.service = "mill", .tasks = {1, 0, 0, 0}});
  const json status = json::parse(status_json(s, true, 4ms));
  CHECK(status["daemon"]["version"] == "1.2.3");
  CHECK(status["daemon"]["policy_revision"] == 7);
  CHECK(status["daemon"]["started_at"] == 1'764'000'000.25);
  CHECK(status["daemon"]["ready"] == true);
  CHECK(status["daemon"]["since_last_tick_ms"] == 4);
  CHECK(status["daemon"]["can_demote"] == true);
  CHECK(status["daemon"]["high_priority"] == false);
  REQUIRE(status["services"].size() == 2);
  CHECK(status["services"][0]["in_flight_over_budget"] == 3);
  CHECK(status["services"][1]["quarantined"] == true);
  const json& cls = status["classes"][0];
  CHECK(cls["class"] == "render");
  CHECK(cls["tier"] == "yield");
  CHECK(cls["pinned"] == "monitor");
  CHECK(cls["cpu_seconds"] == 1.5);
  CHECK(cls["tasks"] == 8);
  CHECK(cls["tasks_above_monitor"] == 3);
  CHECK(status["classes"][1]["pinned"].is_null());
  CHECK(status["sums"] == json{{"services", 3},
                               {"workers", 11},
                               {"classes", 2},
                               {"tasks", 9},
                               {"tasks_above_monitor", 3},
                               {"in_flight_over_budget", 3}});
}

TEST_CASE("the status of a daemon without services has empty lists") {
  const json status = json::parse(status_json({}, false, 0ms));
  CHECK(status["services"] == json::array());
  CHECK(status["classes"] == json::array());
  CHECK(status["daemon"]["ready"] == false);
}

TEST_CASE("names of any bytes are valid JSON") {
  Snapshot s;
  for (const std::string& name : {"a\"b\\c\nd"s, "nul\0byte"s, "caf\xe9"s, "\xff\xfe"s, "支払い"s})
    s.classes.push_back({.service = name, .task_class = name});
  const json status = json::parse(status_json(s, true, 0ms));
  CHECK(status["classes"][0]["class"] == "a\"b\\c\nd");
  CHECK(status["classes"][1]["class"] == "nul\0byte"s);
  CHECK(status["classes"][2]["class"] == "caf\xEF\xBF\xBD");
  CHECK(status["classes"][4]["class"] == "支払い");
}

}  // namespace
}  // namespace pulsed::http
