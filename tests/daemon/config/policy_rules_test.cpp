// Rules: for whom they hold, what they set beside the fields of the TierManager, and those never reached.
#include <doctest/doctest.h>

#include <string>

#include "tests/daemon/config/policy_reading.h"

namespace pulsed::config {
namespace {

std::string of_rule(const std::string& line) {
  return faults("rules:\n  - match: {class: x}\n    " + line + "\n");
}

std::string of_match(const std::string& entry) {
  return faults("rules:\n  - match: {" + entry + "}\n    weight: 5\n");
}

TEST_CASE("a rule that sets one thing alone sets something, and prints as it was") {
  for (const std::string line : {"priority: low", "weight: 1", "weight: 1000", "may_migrate: false",
                                 "may_migrate: true", "enforcement: observe", "window: 2s"}) {
    CAPTURE(line);
    const policy::Policy policy = good("rules:\n  - match: {uid: 0}\n    " + line + "\n");
    CHECK(to_yaml(policy).ends_with("rules:\n  - match: {uid: 0}\n    " + line + "\n"));
    CHECK(good(to_yaml(policy)) == policy);
  }
}

TEST_CASE("the enforcement limit is read, printed, and held to its names") {
  CHECK(good("").enforcement_limit == policy::Enforcement::kEnforce);
  const policy::Policy policy = good("enforcement_limit: observe\n");
  CHECK(policy.enforcement_limit == policy::Enforcement::kObserve);
  CHECK(to_yaml(policy) == "enforcement: shadow\nenforcement_limit: observe\nprofile: balanced\n");
  CHECK(good(to_yaml(policy)) == policy);
  CHECK(faults("enforcement_limit: none\n") ==
        "p:1:20: `enforcement_limit`: `none` is not observe, shadow or enforce\n");
  CHECK(
      faults("enforcement_limits: shadow\n") ==
      "p:1:1: unknown key `enforcement_limits` in the policy; did you mean `enforcement_limit`?\n");
}

TEST_CASE("a wrong weight, may_migrate or enforcement names its place and what is allowed") {
  CHECK(of_rule("weight: 0") == "p:3:13: `weight`: `0` is out of range; from 1 to 1000\n");
  CHECK(of_rule("weight: 1001") == "p:3:13: `weight`: `1001` is out of range; from 1 to 1000\n");
  CHECK(of_rule("weight: 10%") ==
        "p:3:13: `weight`: `10%` is not a whole number in decimal digits\n");
  CHECK(of_rule("weight: \"10\"") ==
        "p:3:13: `weight`: expected a whole number, found text in quotes\n");
  CHECK(of_rule("wieght: 10") == "p:3:5: unknown key `wieght` in a rule; did you mean `weight`?\n");
  CHECK(of_rule("may_migrate: yes") ==
        "p:3:18: `may_migrate`: `yes` is not true or false; did you mean `true`?\n");
  CHECK(of_rule("may_migrate: Off") == "p:3:18: `may_migrate`: `Off` is not true or false\n");
  CHECK(of_rule("may_migrate: off") ==
        "p:3:18: `may_migrate`: `off` is not true or false; did you mean `false`?\n");
  CHECK(of_rule("may_migrate: flase") ==
        "p:3:18: `may_migrate`: `flase` is not true or false; did you mean `false`?\n");
  CHECK(of_rule("may_migrate: \"true\"") ==
        "p:3:18: `may_migrate`: expected true or false, found text in quotes\n");
  CHECK(of_rule("may_migrate: [true]") ==
        "p:3:18: `may_migrate`: expected true or false, found a list\n");
  CHECK(of_rule("enforcement: enforced") ==
        "p:3:18: `enforcement`: `enforced` is not observe, shadow or enforce; did you mean "
        "`enforce`?\n");
  CHECK(of_rule("weight: 5\n    weight: 6") ==
        "p:4:5: duplicate key `weight`, first given in line 3\n");
}

TEST_CASE("what is a rule's alone is unknown elsewhere") {
  CHECK(faults("weight: 5\n") == "p:1:1: unknown key `weight` in the policy\n");
  CHECK(faults("defaults: {may_migrate: true}\n") ==
        "p:1:12: unknown key `may_migrate` in `defaults`\n");
  CHECK(of_rule("enforcement_limit: shadow").starts_with("p:3:5: unknown key `enforcement_limit`"));
}

TEST_CASE("a match may name a user, by number") {
  CHECK(good("rules:\n  - match: {uid: 4294967294}\n    weight: 5\n").rules[0].match.uid ==
        4'294'967'294);
  CHECK(of_match("uid: 4294967295") ==
        "p:2:18: `uid`: `4294967295` is out of range; from 0 to 4294967294\n");
  CHECK(of_match("uid: -1") == "p:2:18: `uid`: `-1` is negative\n");
  CHECK(of_match("uid: root") == "p:2:18: `uid`: `root` is not a whole number in decimal digits\n");
  CHECK(of_match("uid: [0]") == "p:2:18: `uid`: expected a whole number, found a list\n");
  CHECK(of_match("user: 0") == "p:2:13: unknown key `user` in `match`\n");
}

TEST_CASE("a rule that is never reached is refused where it stands") {
  CHECK(faults("rules:\n  - {match: {service: \"s*\"}, weight: 5, priority: low}\n"
               "  - match: {service: shop, class: a}\n    weight: 6\n") ==
        "p:3:5: rules[1]: is never reached: rules[0] matches all that it matches and sets every "
        "field "
        "it sets; put it before rules[0], or remove it\n");
  CHECK(faults("rules:\n  - {match: {service: \"s*\"}, weight: 5}\n"
               "  - {match: {uid: 0}, window: 2s}\n"
               "  - match: {service: shop, uid: 0}\n    weight: 6\n    window: 1s\n") ==
        "p:4:5: rules[2]: is never reached: rules[0] and rules[1] each match all that it matches, "
        "and "
        "together set every field it sets; put it before them, or remove it\n");
}

TEST_CASE("an escape cannot smuggle in what would not read back") {
  for (const std::string escape : {"\\n", "\\0", "\\x7f", "\\x9b", "\\uFEFF"}) {
    CHECK(of_match("service: \"a" + escape + "\"") ==
          "p:2:22: `service`: has a control character or a byte order mark\n");
  }
}

}  // namespace
}  // namespace pulsed::config
