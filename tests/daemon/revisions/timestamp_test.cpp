#include "daemon/revisions/timestamp.h"

#include <chrono>
#include <cstdint>
#include <random>

#include <doctest/doctest.h>

namespace pulsed::test {

using revisions::read_timestamp;
using revisions::timestamp_text;
using Time = std::chrono::system_clock::time_point;

TEST_CASE("A moment is written in UTC to the nanosecond and reads back") {
  CHECK(timestamp_text(Time{}) == "1970-01-01T00:00:00.000000000Z");
  const Time leap{std::chrono::nanoseconds{1'709'251'199'999'999'999}};
  CHECK(timestamp_text(leap) == "2024-02-29T23:59:59.999999999Z");
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const Time time{std::chrono::nanoseconds{static_cast<std::int64_t>(random() >> 1)}};
    CHECK(read_timestamp(timestamp_text(time)) == time);
  }
}

TEST_CASE("What is no moment does not read") {
  for (const char* text :
       {"", "now", "2024-05-01", "2024-05-01T12:00:00Z", "2024-05-01T12:00:00.123Z",
        "2024-05-01T12:00:00.123456789", "2024-05-01T12:00:00.123456789+01:00",
        "2024-13-01T12:00:00.123456789Z", "2024-02-30T12:00:00.123456789Z",
        "2024-05-01T12:00:00.-12345678Z", "2024-05-01T12:00:00.123456789Z "}) {
    CAPTURE(text);
    CHECK_FALSE(read_timestamp(text));
  }
}

}  // namespace pulsed::test
