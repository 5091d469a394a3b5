#include "daemon/policy/offense_window.h"

#include <doctest/doctest.h>

#include <numeric>

namespace pulsed::policy {
using namespace std::chrono_literals;

TEST_CASE("offenses count for sixteen sub-buckets and are gone in the next") {
  OffenseWindow w;
  w.open(100);
  CHECK(w.empty(100));
  w.add({.violation = true, .slow = true, .excess = 3ms}, 100);
  w.advance(115);
  CHECK(w.violations() == 1);
  CHECK(w.slow_polls() == 1);
  CHECK(w.excess() == 3ms);
  CHECK_FALSE(w.empty(115));
  w.advance(116);
  CHECK(w.violations() == 0);
  CHECK(w.slow_polls() == 0);
  CHECK(w.excess() == 0ms);
  CHECK(w.empty(116));
}

TEST_CASE("a new start drops what counts for promotion and keeps what was burned") {
  OffenseWindow w;
  w.open(100);
  w.add({.violation = true, .slow = true, .excess = 3ms}, 100);
  w.start_anew();
  CHECK(w.violations() == 0);
  CHECK(w.slow_polls() == 0);
  CHECK(w.excess() == 0ms);
  CHECK(std::accumulate(w.burned().begin(), w.burned().end(), Duration{}) == 3ms);
}

TEST_CASE("forgiving drops counts and keeps CPU time") {
  OffenseWindow w;
  w.open(100);
  w.add({.violation = true, .slow = true, .excess = 3ms}, 100);
  w.forgive();
  CHECK(w.violations() == 0);
  CHECK(w.slow_polls() == 0);
  CHECK(w.excess() == 3ms);
}

TEST_CASE("moved to another class, offenses keep their age and leave their burn behind") {
  OffenseWindow w;
  w.open(100);
  w.add({.violation = true, .slow = false, .excess = 3ms}, 100);
  w.add({.violation = true, .slow = false, .excess = 1ms}, 110);
  w.move(112, 57);
  CHECK(w.violations() == 2);
  CHECK(std::accumulate(w.burned().begin(), w.burned().end(), Duration{}) == 0ms);
  w.advance(57 + 3);  // the first is 15 sub-buckets old
  CHECK(w.violations() == 2);
  w.advance(57 + 4);
  CHECK(w.violations() == 1);
  CHECK(w.excess() == 1ms);
  w.advance(57 + 13);
  CHECK_FALSE(w.empty(57 + 13));
  w.advance(57 + 14);
  CHECK(w.violations() == 0);
  CHECK(w.empty(57 + 14));
}

}  // namespace pulsed::policy
