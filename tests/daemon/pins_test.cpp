#include "daemon/pins.h"

#include <doctest/doctest.h>

#include <string>

namespace pulsed {
namespace {

using namespace std::chrono_literals;
using policy::Tier;

const ClassName kRender{"shop", "render"};
const ClassName kPay{"shop", "pay"};

TEST_CASE("the loop is told of each pin once, the latest word on it") {
  Pins pins;
  CHECK(pins.take_changes(1s).empty());
  CHECK(pins.pin(kRender, Tier::kIsolate, {}, 1s));
  CHECK(pins.pin(kRender, Tier::kYield, {}, 1s));
  CHECK(pins.pin(kPay, Tier::kMonitor, {}, 1s));
  const auto changes = pins.take_changes(1s);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].cls == kPay);
  CHECK(changes[1].cls == kRender);
  CHECK(changes[1].tier == Tier::kYield);
  CHECK(pins.take_changes(2s).empty());
}

TEST_CASE("what is not pinned cannot be unpinned") {
  Pins pins;
  CHECK_FALSE(pins.unpin(kRender, 1s));
  CHECK(pins.pin(kRender, Tier::kIsolate, {}, 1s));
  CHECK(pins.unpin(kRender, 1s));
  CHECK_FALSE(pins.unpin(kRender, 1s));
  const auto changes = pins.take_changes(1s);
  REQUIRE(changes.size() == 1);
  CHECK_FALSE(changes[0].tier.has_value());
}

TEST_CASE("a pin ends by itself at its time, not before, and a new one has a time of its own") {
  Pins pins;
  CHECK(pins.pin(kRender, Tier::kIsolate, 10s, 1s));
  CHECK(pins.pin(kPay, Tier::kIsolate, 10s, 1s));
  CHECK(pins.take_changes(1s).size() == 2);
  CHECK(pins.pin(kPay, Tier::kIsolate, 20s, 9s));
  CHECK(pins.take_changes(9s).size() == 1);
  CHECK(pins.take_changes(10s - 1ns).empty());
  const auto ended = pins.take_changes(10s);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].cls == kRender);
  CHECK_FALSE(ended[0].tier.has_value());
  CHECK_FALSE(pins.unpin(kRender, 11s));
  CHECK(pins.take_changes(20s).size() == 1);
}

// In as many calls as it takes, each within its bound.
std::size_t take_all(Pins& pins, policy::Time now) {
  std::size_t all = 0;
  for (std::size_t taken = 1; taken != 0; all += taken) {
    taken = pins.take_changes(now).size();
    CHECK(taken <= Pins::kMostATake);
  }
  return all;
}

TEST_CASE("pins that end together come a few at a time, and none is lost") {
  Pins pins;
  for (std::size_t i = 0; i < Controls::kMostPins; ++i)
    REQUIRE(pins.pin({"shop", std::to_string(i)}, Tier::kWarn, 5s, 1s));
  CHECK(take_all(pins, 1s) == Controls::kMostPins);
  CHECK(take_all(pins, 5s - 1ns) == 0);
  CHECK(take_all(pins, 5s) == Controls::kMostPins);
}

TEST_CASE("no more classes are pinned than the bound says, and one that ends makes room") {
  Pins pins;
  for (std::size_t i = 0; i < Controls::kMostPins; ++i) {
    const bool first = i == 0;
    REQUIRE(pins.pin({"shop", std::to_string(i)}, Tier::kWarn,
                     first ? std::optional<policy::Time>(5s) : std::nullopt, 1s));
  }
  CHECK_FALSE(pins.pin(kRender, Tier::kWarn, {}, 1s));
  CHECK(take_all(pins, 1s) == Controls::kMostPins);
  CHECK(pins.pin({"shop", "7"}, Tier::kYield, {}, 1s));  // it has its place
  CHECK_FALSE(pins.pin(kRender, Tier::kWarn, {}, 1s));
  CHECK(pins.pin(kRender, Tier::kWarn, {}, 5s));
}

TEST_CASE("changes that the loop has not taken are bounded, too") {
  Pins pins;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < 2 * Controls::kMostPins; ++i) {
    const ClassName cls{"shop", std::to_string(i)};
    if (pins.pin(cls, Tier::kWarn, {}, 1s) && pins.unpin(cls, 1s)) ++taken;
  }
  CHECK(taken == Controls::kMostPins);
  CHECK(take_all(pins, 1s) == Controls::kMostPins);
  CHECK(pins.pin(kRender, Tier::kWarn, {}, 1s));
}

}  // namespace
}  // namespace pulsed
