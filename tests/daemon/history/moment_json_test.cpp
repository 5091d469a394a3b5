// What a reader of moment.h may rely on.
#include "daemon/history/moment_json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace pulsed::history {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using nlohmann::json;
using policy::Blame;
using policy::Enforcement;
using policy::Tier;

const WallTime kNow(1'764'000'000'512ms);

json written(const Moment& moment) {
  const std::string text = to_json(moment);
  CHECK(text.find('\n') == std::string::npos);
  return json::parse(text);
}

Moment at_rest() {
  Moment moment;
  moment.at = kNow;
  moment.daemon.version = "1.2.3";
  moment.daemon.started_at = kNow - 10s;
  return moment;
}

json event(decltype(Event::what) what) {
  Moment moment = at_rest();
  moment.events.push_back({17, kNow - 1ms, "shop", 123, std::move(what)});
  return written(moment)["events"][0];
}

TEST_CASE("at rest only the moment and the daemon are written") {
  CHECK(written(at_rest()) == json{{"t", 1'764'000'000.512},
                                   {"d",
                                    {{"version", "1.2.3"},
                                     {"enforcement", "observe"},
                                     {"limit", "observe"},
                                     {"profile", "balanced"},
                                     {"started_at", 1'763'999'990.512}}}});
}

TEST_CASE("all of the daemon is written") {
  Moment moment = at_rest();
  moment.daemon = {"1.2.3",
                   3,
                   Enforcement::kEnforce,
                   Enforcement::kShadow,
                   policy::Profile::kAggressive,
                   kNow,
                   true,
                   4ms,
                   100'000,
                   1200,
                   3,
                   true,
                   true};
  CHECK(written(moment)["d"] == json{{"version", "1.2.3"},
                                     {"revision", 3},
                                     {"enforcement", "enforce"},
                                     {"limit", "shadow"},
                                     {"profile", "aggressive"},
                                     {"started_at", 1'764'000'000.512},
                                     {"ready", true},
                                     {"since_tick", 0.004},
                                     {"tick_p99", 0.0001},
                                     {"samples", 1200},
                                     {"dropped", 3},
                                     {"high_priority", true},
                                     {"can_demote", true}});
}

TEST_CASE("services are written with what stands now") {
  Moment moment = at_rest();
  ServiceSnapshot s;
  s.service = "shop";
  moment.services.push_back(s);
  s.processes = 1;
  s.workers = 2;
  s.spare_workers_parked = 3;
  s.spare_workers_awake = 4;
  s.demoted_threads = 5;
  s.in_flight_over_budget = 6;
  s.quarantined = true;
  moment.services.push_back(s);
  const json services = written(moment)["services"];
  CHECK(services[0] == json{{"name", "shop"}});
  CHECK(services[1] == json{{"name", "shop"},
                            {"processes", 1},
                            {"workers", 2},
                            {"spare_parked", 3},
                            {"spare_awake", 4},
                            {"demoted", 5},
                            {"in_flight", 6},
                            {"quarantined", true}});
}

TEST_CASE("classes are written in seconds, and without percentiles where there are none") {
  Moment moment = at_rest();
  moment.classes.push_back({.service = "shop", .enforcement = Enforcement::kShadow});
  moment.classes.push_back({.service = "shop",
                            .task_class = "render",
                            .tier = Tier::kIsolate,
                            .above = 1,
                            .enforcement = Enforcement::kEnforce,
                            .pinned = Tier::kMonitor,
                            .polls = 12,
                            .cpu_ns = 410'000'400,
                            .violations = 11,
                            .yields = 2,
                            .isolated_polls = 10,
                            .demotions = 3,
                            .would_be = {4, 5, 6, 7, 50'000'000},
                            .p50_ns = 20'000'000,
                            .p99_ns = 20'800'000,
                            .queue_p99_ns = 1'000'000});
  moment.classes_left_out = 9;
  const json all = written(moment);
  CHECK(all["left_out"] == 9);
  CHECK(all["classes"][0] == json{{"s", "shop"}, {"enf", "shadow"}});
  CHECK(all["classes"][1] == json{{"s", "shop"},
                                  {"c", "render"},
                                  {"tier", "isolate"},
                                  {"above", 1},
                                  {"enf", "enforce"},
                                  {"pin", "monitor"},
                                  {"polls", 12},
                                  {"cpu", 0.41},
                                  {"viol", 11},
                                  {"yields", 2},
                                  {"iso", 10},
                                  {"dem", 3},
                                  {"wyields", 4},
                                  {"wiso", 5},
                                  {"wdem", 6},
                                  {"wcpu", 0.05},
                                  {"p50", 0.02},
                                  {"p99", 0.0208},
                                  {"qp99", 0.001}});
}

TEST_CASE("workers are written with their kind and what they poll") {
  Moment moment = at_rest();
  WorkerDetail w;
  moment.workers.push_back({"shop", 123, w});
  w.line = 2;
  w.thread_name = "io-2";
  w.kind = WorkerKind::kSpare;
  w.awake = false;
  moment.workers.push_back({"shop", 123, w});
  w.awake = true;
  w.in_flight =
      PollDetail{"render", 12'000'000, 11'000'000, Blame::kBurning, Tier::kYield, true, true, true};
  moment.workers.push_back({"shop", 123, w});
  w.kind = WorkerKind::kIsolation;
  w.in_flight = PollDetail{};
  moment.workers.push_back({"shop", 123, w});
  moment.workers_left_out = 7;
  const json all = written(moment);
  CHECK(all["workers_left_out"] == 7);
  CHECK(all["workers"][0] == json{{"s", "shop"}, {"pid", 123}});
  CHECK(all["workers"][1] ==
        json{{"s", "shop"}, {"pid", 123}, {"w", 2}, {"name", "io-2"}, {"kind", "spare"}});
  CHECK(all["workers"][2]["awake"] == true);
  CHECK(all["workers"][2]["poll"] == json{{"c", "render"},
                                          {"age", 0.012},
                                          {"cpu", 0.011},
                                          {"blame", "burning"},
                                          {"tier", "yield"},
                                          {"over", true},
                                          {"long", true},
                                          {"demoted", true}});
  CHECK(all["workers"][3]["kind"] == "isolation");
  CHECK(all["workers"][3]["poll"] == json::object());
  CHECK_FALSE(all["workers"][3].contains("awake"));
}

TEST_CASE("an ended poll is written with its begin and length, and whether that is a bound") {
  Moment moment = at_rest();
  HeldPollEnded e{"render", 2,     "io-2",         kNow - 100ms,
                  20'800us, false, Tier::kIsolate, Blame::kBurning};
  moment.ended.push_back({18, kNow, "shop", 123, e});
  e = {};
  e.at_most = true;
  moment.ended.push_back({19, kNow, "shop", 123, e});
  moment.ended_left_out = 2;
  const json all = written(moment);
  CHECK(all["ended_left_out"] == 2);
  CHECK(all["ended"][0] == json{{"s", "shop"},
                                {"pid", 123},
                                {"w", 2},
                                {"c", "render"},
                                {"start", 1'764'000'000.412},
                                {"for", 0.0208},
                                {"tier", "isolate"},
                                {"blame", "burning"}});
  CHECK(all["ended"][1]["most"] == true);
  CHECK(all["ended"][1]["for"] == 0);
}

TEST_CASE("each kind of event is written with what it says") {
  const json tier = event(TierChanged{"render", policy::TaskId{1, 1}, Tier::kMonitor, Tier::kWarn,
                                      policy::Reason::kEmergency, 5ms, Enforcement::kEnforce});
  CHECK(tier == json{{"n", 17},
                     {"t", 1'764'000'000.511},
                     {"s", "shop"},
                     {"pid", 123},
                     {"kind", "tier"},
                     {"c", "render"},
                     {"from", "monitor"},
                     {"to", "warn"},
                     {"reason", "emergency"},
                     {"cpu", 0.005},
                     {"enf", "enforce"}});
  CHECK(event(TierChanged{"render", {}, {}, {}, {}, {}, {}})["whole"] == true);
  const json held = event(
      PollHeld{"render", 3, "io-3", 5ms, 4ms, Blame::kBlocked, Enforcement::kShadow, Tier::kYield});
  CHECK(held["kind"] == "held");
  CHECK(held["w"] == 3);
  CHECK(held["name"] == "io-3");
  CHECK(held["age"] == 0.005);
  CHECK(held["cpu"] == 0.004);
  CHECK(held["blame"] == "blocked");
  CHECK(held["tier"] == "yield");
  CHECK(held["enf"] == "shadow");
  CHECK(event(ServiceAttached{})["kind"] == "attached");
  CHECK(event(ServiceDetached{})["kind"] == "detached");
  CHECK(event(ServiceQuarantined{5000})["rejected"] == 5000);
  CHECK(event(ServiceQuarantined{5000})["kind"] == "quarantined");
  const json policy = event(PolicyChanged{3, Enforcement::kEnforce});
  CHECK(policy["kind"] == "policy");
  CHECK(policy["revision"] == 3);
  CHECK(policy["enf"] == "enforce");
  CHECK(event(PinChanged{"render", Tier::kMonitor})["to"] == "monitor");
  CHECK(event(PinChanged{"render", Tier::kMonitor})["kind"] == "pin");
  CHECK_FALSE(event(PinChanged{"render", {}}).contains("to"));
}

TEST_CASE("names of any bytes are one line of valid JSON") {
  Moment moment = at_rest();
  const std::vector<std::string> names{"a\"b\\c\nd\re"s,        "nul\0byte"s,    "caf\xe9"s,
                                       "\xff\xfe\xc0\x80"s,     "\xed\xa0\x80"s, "支払い\u2028x"s,
                                       "</script>\n\ndata: {}"s};
  for (const std::string& name : names) {
    moment.services.push_back({.service = name});
    moment.classes.push_back({.service = name, .task_class = name});
    WorkerDetail w;
    w.thread_name = name;
    w.in_flight = PollDetail{.task_class = name};
    moment.workers.push_back({name, 1, w});
    moment.events.push_back({1, kNow, name, 1, PollHeld{.task_class = name, .thread_name = name}});
    moment.ended.push_back({1, kNow, name, 1, HeldPollEnded{.task_class = name}});
  }
  const json all = written(moment);
  CHECK(all["services"][0]["name"] == names[0]);
  CHECK(all["classes"][1]["c"] == names[1]);
  CHECK(all["workers"][2]["name"] == "caf\xEF\xBF\xBD");
  CHECK(all["classes"][5]["c"] == names[5]);
  CHECK(all["ended"][6]["c"] == names[6]);
}

}  // namespace
}  // namespace pulsed::history
