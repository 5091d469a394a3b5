#include "daemon/ctl/output/quantity.h"

#include <doctest/doctest.h>

namespace pulsed::ctl {

using namespace std::chrono_literals;

TEST_CASE("durations have three figures and a unit") {
  CHECK(human(0ns) == "0ns");
  CHECK(human(999ns) == "999ns");
  CHECK(human(1us) == "1.00us");
  CHECK(human(Nanoseconds{12'345}) == "12.3us");
  CHECK(human(Nanoseconds{999'499}) == "999us");
  CHECK(human(Nanoseconds{999'999}) == "1.00ms");
  CHECK(human(1500us) == "1.50ms");
  CHECK(human(999'999us) == "1.00s");
  CHECK(human(59'900ms) == "59.9s");
  CHECK(human(59'999ms) == "1m00s");
  CHECK(human(245s) == "4m05s");
  CHECK(human(3h + 20min) == "3h20m");
  CHECK(human(52h) == "2d04h");
  CHECK(human(-5ms) == "-5.00ms");
}

TEST_CASE("counts are whole below ten thousand") {
  CHECK(human(std::uint64_t{0}) == "0");
  CHECK(human(std::uint64_t{9'999}) == "9999");
  CHECK(human(std::uint64_t{10'000}) == "10.0k");
  CHECK(human(std::uint64_t{999'499}) == "999k");
  CHECK(human(std::uint64_t{999'500}) == "1.00M");
  CHECK(human(std::uint64_t{4'560'000'000}) == "4.56G");
  CHECK(human(~std::uint64_t{0}) == "18447P");
}

TEST_CASE("a duration of the API is seconds and nanoseconds") {
  google::protobuf::Duration d;
  d.set_seconds(2);
  d.set_nanos(500'000'000);
  CHECK(nanoseconds(d) == 2500ms);
  CHECK(human(d) == "2.50s");
}

TEST_CASE("an age is never negative") {
  google::protobuf::Timestamp at;
  at.set_seconds(100);
  CHECK(age(at, std::chrono::system_clock::time_point{160s}) == 60s);
  CHECK(age(at, std::chrono::system_clock::time_point{40s}) == 0s);
}

TEST_CASE("names of values are as policy.yaml has them, and nothing for none") {
  CHECK(word(v1::TIER_ISOLATE) == "isolate");
  CHECK(word(v1::TIER_UNSPECIFIED).empty());
  CHECK(word(v1::ENFORCEMENT_SHADOW) == "shadow");
  CHECK(word(v1::PROFILE_PERMISSIVE) == "permissive");
  CHECK(word(v1::BLAME_BURNING) == "burning");
  CHECK(word(v1::WorkerInfo::KIND_SPARE) == "spare");
  CHECK(word(static_cast<v1::Tier>(77)).empty());
}

TEST_CASE("an author is said in words") {
  v1::Author author;
  CHECK(text(author).empty());
  author.set_uid(1000);
  CHECK(text(author) == "uid 1000");
  author.set_certificate("alice");
  CHECK(text(author) == "certificate alice");
  author.set_file("/etc/pulsed/policy.yaml");
  CHECK(text(author) == "file /etc/pulsed/policy.yaml");
  author.set_built_in(true);
  CHECK(text(author) == "built in");
}

}  // namespace pulsed::ctl
