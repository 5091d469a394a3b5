#include "deploy/demo/load/measurement.h"

#include <doctest/doctest.h>

namespace pulsed::demo::load {
namespace {

using std::chrono::milliseconds;

const Clock::time_point kStart{std::chrono::hours(1)};
const Window kWindow{kStart, kStart + milliseconds(2000)};

TEST_CASE("a latency counts from when the request was meant to be sent, however late it was sent") {
  Measurement measurement(kWindow);
  measurement.light_sent(kStart, kStart + milliseconds(40));
  measurement.light_done(Light::kLookup, kStart, kStart + milliseconds(41));
  CHECK(measurement.light(Light::kLookup).max == milliseconds(41));
  CHECK(measurement.lateness().max == milliseconds(40));
}

TEST_CASE(
    "a lookup counts if it was meant to be sent inside the window, whenever it was answered") {
  Measurement measurement(kWindow);
  measurement.light_done(Light::kLookup, kStart - milliseconds(1), kStart + milliseconds(5));
  CHECK(measurement.light(Light::kLookup).count == 0);
  measurement.light_done(Light::kLookup, kWindow.end, kWindow.end + milliseconds(5));
  CHECK(measurement.light(Light::kLookup).count == 0);
  measurement.light_done(Light::kLookup, kWindow.end - milliseconds(1),
                         kWindow.end + milliseconds(500));
  CHECK(measurement.light(Light::kLookup).count == 1);
  CHECK(measurement.light_total(Light::kLookup) == 3);
}

TEST_CASE("heavy requests count by when they were finished, and so does their rate") {
  Measurement measurement(kWindow);
  measurement.heavy_done(kStart - milliseconds(10), kStart - milliseconds(1));
  measurement.heavy_done(kStart - milliseconds(10), kStart + milliseconds(10));
  measurement.heavy_done(kStart, kWindow.end - milliseconds(1));
  measurement.heavy_done(kWindow.end - milliseconds(20), kWindow.end);
  CHECK(measurement.heavy_total == 4);
  CHECK(measurement.heavy().count == 2);
  CHECK(measurement.heavy_per_second() == doctest::Approx(1.0));
}

TEST_CASE("lookups and prices are kept apart") {
  Measurement measurement(kWindow);
  measurement.light_done(Light::kLookup, kStart, kStart + milliseconds(1));
  measurement.light_done(Light::kPrice, kStart, kStart + milliseconds(7));
  measurement.light_done(Light::kPrice, kStart, kStart + milliseconds(9));
  CHECK(measurement.light(Light::kLookup).count == 1);
  CHECK(measurement.light(Light::kPrice).count == 2);
  CHECK(measurement.light(Light::kPrice).max == milliseconds(9));
  CHECK(measurement.light_total(Light::kPrice) == 2);
}

TEST_CASE("all failures are counted, the first is kept") {
  Measurement measurement(kWindow);
  measurement.failed("first");
  measurement.failed("second");
  CHECK(measurement.errors == 2);
  CHECK(measurement.first_error == "first");
}

}  // namespace
}  // namespace pulsed::demo::load
