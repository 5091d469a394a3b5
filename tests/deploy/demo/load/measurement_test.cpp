#include "deploy/demo/load/measurement.h"

#include <doctest/doctest.h>

namespace pulsed::demo::load {
namespace {

using std::chrono::milliseconds;

const Clock::time_point kStart{std::chrono::hours(1)};
const Window kWindow{kStart, kStart + milliseconds(2000)};

TEST_CASE("a latency counts from when the request was meant to be sent, however late it was sent") {
  Measurement measurement(kWindow);
  measurement.lookup_sent(kStart, kStart + milliseconds(40));
  measurement.lookup_done(kStart, kStart + milliseconds(41));
  CHECK(measurement.lookups().max == milliseconds(41));
  CHECK(measurement.lateness().max == milliseconds(40));
}

TEST_CASE(
    "a lookup counts if it was meant to be sent inside the window, whenever it was answered") {
  Measurement measurement(kWindow);
  measurement.lookup_done(kStart - milliseconds(1), kStart + milliseconds(5));
  CHECK(measurement.lookups().count == 0);
  measurement.lookup_done(kWindow.end, kWindow.end + milliseconds(5));
  CHECK(measurement.lookups().count == 0);
  measurement.lookup_done(kWindow.end - milliseconds(1), kWindow.end + milliseconds(500));
  CHECK(measurement.lookups().count == 1);
  CHECK(measurement.lookups_total == 3);
}

TEST_CASE("reports count by when they were finished, and so does their rate") {
  Measurement measurement(kWindow);
  measurement.report_done(kStart - milliseconds(10), kStart - milliseconds(1));
  measurement.report_done(kStart - milliseconds(10), kStart + milliseconds(10));
  measurement.report_done(kStart, kWindow.end - milliseconds(1));
  measurement.report_done(kWindow.end - milliseconds(20), kWindow.end);
  CHECK(measurement.reports_total == 4);
  CHECK(measurement.reports().count == 2);
  CHECK(measurement.reports_per_second() == doctest::Approx(1.0));
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
