// What a poll that holds its worker is blamed for, against what that poll knows of itself.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>

#include "tests/integration/held/scene.h"

namespace pulsed::test {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 3> kBlames{"burning", "runnable", "blocked"};

// What it had burned by then, in between what it noted.
double burned_at(const json& notes, double wall_us) {
  for (std::size_t i = 1; i < notes.size(); ++i) {
    const double from = notes[i - 1][0];
    const double to = notes[i][0];
    if (to < wall_us) continue;
    const double before = notes[i - 1][1];
    const double after = notes[i][1];
    // A long way from one note to the next was spent without a CPU, but for the end of it.
    return std::min(after, before + std::max(0.0, wall_us - from) * (after - before) / (to - from));
  }
  return 0;
}

// By its own measure, until the moment it was reported; empty where that is no clear case: a poll that was to burn on a busy
// machine, say, and did for half of the time.
std::string truth(const json& account, double reported_ms) {
  const json& notes = account.at("burned_us");
  if (notes.empty()) return account.at("before_wait_us").get<double>() < 2000 ? "blocked" : "";
  const double share = burned_at(notes, reported_ms * 1000) / (reported_ms * 1000);
  return share > 0.7 ? "burning" : share < 0.3 ? "runnable" : "";
}

std::map<std::string, double> held_polls(const DaemonProcess& daemon) {
  const Metrics now = daemon.metrics();
  std::map<std::string, double> all;
  for (const char* blame : kBlames) {
    all[blame] = now.sum("pulsed_held_polls_total", {{"blame", blame}});
  }
  all["unknown"] = now.sum("pulsed_held_polls_total", {{"blame", "unknown"}});
  return all;
}

struct Judged {
  std::string by_metric;
  std::string by_line;
  std::string by_itself;
  std::string line;
  std::string channel;
  json account;
};

// One poll, and what the daemon said of it.
Judged judge(DaemonProcess& daemon, HeldService& shop, const std::string& script) {
  const std::map<std::string, double> before = held_polls(daemon);
  const std::size_t lines = held_lines(daemon.log(), script).size();
  Judged judged;
  judged.account = shop.scripted(script, script);
  REQUIRE(wait_until([&] { return held_polls(daemon) != before; }));
  REQUIRE(wait_until([&] { return held_lines(daemon.log(), script).size() > lines; }));
  for (const auto& [blame, count] : held_polls(daemon)) {
    if (count > before.at(blame)) judged.by_metric = blame;
  }
  const HeldLine line = held_lines(daemon.log(), script).back();
  judged.by_line = line.blame;
  judged.by_itself = truth(judged.account, line.held_ms);
  judged.channel = line.channel;
  judged.line = line.blame + " after " + std::to_string(line.held_ms) + " ms, burned " +
                std::to_string(line.burned_ms);
  return judged;
}

}  // namespace

// Of each script as many polls as it takes to have enough clear cases; of those 99 % are blamed for what they did.
TEST_CASE("Polls that burn or wait or are kept from running are blamed for what they do") {
  DaemonProcess daemon({.policy = hold_policy()});
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  shop.light(200);
  const PriorityWatch watch(shop.pid());
  const int of_each = trials(20, 200);
  std::map<std::string, int> clear;
  int all = 0;
  int right_by_metric = 0;
  int right_by_line = 0;
  for (const std::string script : {"burn", "sleep", "lock", "pipe", "descheduled"}) {
    CAPTURE(script);
    int counted = 0;
    for (int polled = 0; counted < of_each && polled < 4 * of_each; ++polled) {
      const Judged judged = judge(daemon, shop, script);
      if (judged.by_itself.empty()) continue;
      ++counted;
      ++clear[judged.by_itself];
      right_by_metric += judged.by_metric == judged.by_itself ? 1 : 0;
      right_by_line += judged.by_line == judged.by_itself ? 1 : 0;
      if (judged.by_metric != judged.by_itself || judged.by_line != judged.by_itself) {
        MESSAGE("was " << judged.by_itself << ", but " << judged.by_metric
                       << " by metric, in the log " << judged.line << ": "
                       << judged.account.dump());
      }
      // What sleeps in the kernel says where.
      if (judged.by_line == "blocked") CHECK(!judged.channel.empty());
    }
    CHECK(counted * 2 >= of_each);
    all += counted;
  }
  MESSAGE("right: " << right_by_metric << " (metric) and " << right_by_line << " (log) of " << all
                    << ": " << clear["burning"] << " burning, " << clear["runnable"]
                    << " runnable, " << clear["blocked"] << " blocked");
  CHECK(right_by_metric >= 0.99 * all);
  CHECK(right_by_line >= 0.99 * all);
  for (const char* blame : kBlames) CHECK(clear[blame] > 0);
  for (const char* waits : {"sleep", "lock", "pipe"}) {
    CHECK(daemon.sum("pulsed_violations_total", {{"class", waits}}) == 0);
  }
  shop.light(0);
  CHECK(back_after_ms(watch));
  CHECK(shop.light_lowered() == 0);
}

TEST_CASE("A poll that waits is no violation and its thread is never touched") {
  DaemonProcess daemon({.policy = hold_policy()});
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  REQUIRE(wait_until([&] {
    return daemon.sum("pulsed_spare_workers", {{"state", "parked"}}) == 2;
  }));
  shop.light(500);
  const int rounds = trials(5, 50);
  for (int round = 0; round < rounds; ++round) {
    for (const char* script : {"sleep", "lock", "pipe"}) (void)shop.scripted("waits", script);
  }
  CHECK(wait_until([&] {
    return daemon.sum("pulsed_held_polls_total", {{"blame", "blocked"}}) == 3 * rounds;
  }));
  // Behind one that waits, too, others wait.
  CHECK(daemon.sum("pulsed_spare_wakes_total") > 0);
  CHECK(daemon.sum("pulsed_violations_total") == 0);
  CHECK(daemon.sum("pulsed_demotions_total") == 0);
  CHECK(daemon.sum("pulsed_tier_changes_total") == 0);
  CHECK(shop.light_lowered() == 0);
}

}  // namespace pulsed::test
