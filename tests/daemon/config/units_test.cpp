#include "daemon/config/units.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

namespace pulsed::config {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a duration is digits and a unit") {
  CHECK(read_duration("500us").value == 500us);
  CHECK(read_duration("1ms").value == 1ms);
  CHECK(read_duration("1.5s").value == 1500ms);
  CHECK(read_duration("2m").value == 120s);
  CHECK(read_duration("3h").value == 3h);
  CHECK(read_duration("7ns").value == 7ns);
  CHECK(read_duration("0s").value == 0ns);
  CHECK(read_duration("0.000000001s").value == 1ns);
  CHECK(read_duration("1.50ns").value == std::nullopt);
  CHECK(read_duration("2.0ns").value == 2ns);
}

TEST_CASE("a duration that is refused says what to write") {
  CHECK(read_duration("5").fault == "`5` has no unit; write for example `5ms`");
  CHECK(read_duration("5 ms").fault == "`5 ms` has a space; write `5ms`");
  CHECK(read_duration("5sec").fault ==
        "`5sec` has an unknown unit; units are ns, us, ms, s, m or h; did you mean `5s`?");
  CHECK(read_duration("5KiB").fault ==
        "`5KiB` has an unknown unit; units are ns, us, ms, s, m or h");
  CHECK(read_duration("-5ms").fault == "`-5ms` is negative");
  CHECK(read_duration("ms").fault == "`ms` does not begin with a number");
  CHECK(read_duration(".5s").fault == "`.5s` does not begin with a number");
  CHECK(read_duration("5.s").fault == "`5.s` does not begin with a number");
  CHECK(read_duration("").fault == "`` does not begin with a number");
  CHECK(read_duration("0.5ns").fault == "`0.5ns` is finer than one ns");
  CHECK(read_duration("1e3ms").fault.starts_with("`1e3ms` has an unknown unit"));
  CHECK(read_duration("1.2.3s").fault.starts_with("`1.2.3s` has an unknown unit"));
}

TEST_CASE("a duration that 64 bits cannot hold is refused, the largest is not") {
  CHECK(read_duration("9223372036s").value == 9223372036s);
  CHECK(read_duration("9223372037s").fault == "`9223372037s` is too large");
  CHECK(read_duration("999999999999999999h").fault == "`999999999999999999h` is too large");
  CHECK(read_duration("1000000000000000000ns").fault ==
        "`1000000000000000000ns` has too many digits");
}

TEST_CASE("a size is bytes in binary units") {
  CHECK(read_size("64KiB").value == 65536U);
  CHECK(read_size("0B").value == 0U);
  CHECK(read_size("1.5GiB").value == 1610612736U);
  CHECK(read_size("4TiB").value == 4ULL << 40);
  CHECK(read_size("64").fault == "`64` has no unit; write for example `64KiB`");
  CHECK(read_size("64KB").fault ==
        "`64KB` has an unknown unit; units are B, KiB, MiB, GiB or TiB; did you mean `64KiB`?");
  CHECK(read_size("5ms").fault == "`5ms` has an unknown unit; units are B, KiB, MiB, GiB or TiB");
  CHECK(read_size("20000000TiB").fault == "`20000000TiB` is too large");
}

TEST_CASE("a count is decimal digits alone") {
  CHECK(read_count("0").value == 0U);
  CHECK(read_count("18446744073709551615").value == std::numeric_limits<std::uint64_t>::max());
  CHECK(read_count("18446744073709551616").fault == "`18446744073709551616` is too large");
  CHECK(read_count("-1").fault == "`-1` is negative");
  CHECK(read_count("010").fault == "`010` has a leading zero");
  for (const char* text : {"", "1.0", "0x10", "1e3", "2^20", "1_000", "+1", "one", "1 "}) {
    CAPTURE(text);
    CHECK_FALSE(read_count(text).value.has_value());
  }
}

TEST_CASE("a fraction is a finite decimal that is not negative") {
  CHECK(read_fraction("0.5").value == 0.5);
  CHECK(read_fraction("1").value == 1.0);
  CHECK(read_fraction("1e-3").value == 0.001);
  CHECK(read_fraction("50%").fault == "`50%` is a percentage; write for example `0.5`");
  CHECK(read_fraction("-0.5").fault == "`-0.5` is negative");
  for (const char* text : {"", "inf", "nan", "0,5", "half", "1e999", "+1"}) {
    CAPTURE(text);
    CHECK_FALSE(read_fraction(text).value.has_value());
  }
}

TEST_CASE("what is printed reads back as the same value") {
  CHECK(duration_text(1500ms) == "1500ms");
  CHECK(duration_text(2min) == "2m");
  CHECK(duration_text(0ns) == "0s");
  CHECK(size_text(65536) == "64KiB");
  CHECK(fraction_text(0.5) == "0.5");
  std::mt19937_64 random(7);
  for (int i = 0; i < 10'000; ++i) {
    // Limited to the digits that are read.
    const Duration d{static_cast<std::int64_t>(random() >> (8 + random() % 56))};
    CHECK(read_duration(duration_text(d)).value == d);
    const std::uint64_t bytes = random() >> (8 + random() % 56);
    CHECK(read_size(size_text(bytes)).value == bytes);
    const double fraction = static_cast<double>(random() >> 11) / static_cast<double>(1ULL << 53);
    CHECK(read_fraction(fraction_text(fraction)).value == fraction);
  }
}

}  // namespace
}  // namespace pulsed::config
