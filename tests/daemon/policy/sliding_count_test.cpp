#include "daemon/policy/sliding_count.h"

#include <doctest/doctest.h>

namespace pulsed::policy {
using namespace std::chrono_literals;

TEST_CASE("an event at the start of a sub-bucket counts for the whole window and no longer") {
  SlidingCount<std::uint8_t> count;
  count.add(32s, 16s);
  CHECK(count.sum(48s - 1ns, 16s) == 1);
  CHECK(count.sum(48s, 16s) == 0);
}

TEST_CASE("an event at the end of a sub-bucket counts for more than 15/16 of the window") {
  SlidingCount<std::uint8_t> count;
  count.add(33s - 1ns, 16s);
  CHECK(count.sum(48s - 1ns, 16s) == 1);
  CHECK(count.sum(48s, 16s) == 0);
}

TEST_CASE("events leave the window one sub-bucket at a time") {
  SlidingCount<std::uint8_t> count;
  for (int i = 0; i < 16; ++i) count.add(i * 1s, 16s);
  CHECK(count.sum(15s, 16s) == 16);
  CHECK(count.sum(16s, 16s) == 15);
  CHECK(count.sum(20s, 16s) == 11);
  CHECK(count.sum(1000s, 16s) == 0);
}

TEST_CASE("a full sub-bucket stops counting rather than wrap") {
  SlidingCount<std::uint8_t> count;
  for (int i = 0; i < 1000; ++i) count.add(1s, 16s);
  CHECK(count.sum(1s, 16s) == 255);
  CHECK(count.sum(17s, 16s) == 0);
}

}  // namespace pulsed::policy
