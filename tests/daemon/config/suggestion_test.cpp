#include "daemon/config/suggestion.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

namespace pulsed::config {
namespace {

constexpr std::array<std::string_view, 5> kNames{"poll_budget", "slow_poll", "window", "cooldown",
                                                 "cooldown_window"};

TEST_CASE("a misspelt name finds the nearest known one") {
  CHECK(nearest("pol_budget", kNames) == "poll_budget");
  CHECK(nearest("poll-budget", kNames) == "poll_budget");
  CHECK(nearest("PollBudget", kNames) == "poll_budget");
  CHECK(nearest("pollbudegt", kNames) == "poll_budget");
  CHECK(nearest("cooldown_windo", kNames) == "cooldown_window");
  CHECK(nearest("cooldwon", kNames) == "cooldown");
}

TEST_CASE("a name far from all finds none") {
  CHECK_FALSE(nearest("threshold", kNames).has_value());
  CHECK_FALSE(nearest("", kNames).has_value());
  CHECK_FALSE(nearest("x", kNames).has_value());
  CHECK_FALSE(nearest(std::string(10'000, 'w'), kNames).has_value());
}

TEST_CASE("a third of the letters may differ, more may not") {
  constexpr std::array<std::string_view, 1> kOne{"window"};
  CHECK(nearest("wandaw", kOne) == "window");
  CHECK_FALSE(nearest("wxxdxw", kOne).has_value());
}

TEST_CASE("the suggestion and the list of choices read as prose") {
  CHECK(did_you_mean("windw", kNames) == "; did you mean `window`?");
  CHECK(did_you_mean("zebra", kNames).empty());
  constexpr std::array<std::string_view, 3> kChoices{"observe", "shadow", "enforce"};
  CHECK(one_of(kChoices) == "observe, shadow or enforce");
}

}  // namespace
}  // namespace pulsed::config
