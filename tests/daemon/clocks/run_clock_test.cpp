#include "daemon/clocks/run_clock.h"

#include <unistd.h>

#include <random>

#include <doctest/doctest.h>

namespace pulsed::test {
namespace {

using clocks::ProvenTime;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

}  // namespace

TEST_CASE("What a prompt reading finds is proven, up to the longest that counts as prompt") {
  ProvenTime time;
  CHECK(time.take(milliseconds{1}, nanoseconds{400}) == milliseconds{1});
  CHECK(time.take(milliseconds{3}, ProvenTime::kPromptly) == milliseconds{3});
  CHECK(time.doubtful() == nanoseconds{0});
}

TEST_CASE("A reading that had to wait proves nothing since the one before, and later ones go on") {
  ProvenTime time;
  CHECK(time.take(milliseconds{1}, microseconds{1}) == milliseconds{1});
  CHECK(time.take(milliseconds{4}, ProvenTime::kPromptly + nanoseconds{1}) == milliseconds{1});
  CHECK(time.doubtful() == milliseconds{3});
  CHECK(time.take(milliseconds{5}, microseconds{1}) == milliseconds{2});
  // It slept while the reader itself was away: nothing was counted.
  CHECK(time.take(milliseconds{5}, milliseconds{9}) == milliseconds{2});
  CHECK(time.doubtful() == milliseconds{3});
}

TEST_CASE("Proven time never falls, and with what is doubtful it is all that was counted") {
  std::minstd_rand random(1);
  ProvenTime time;
  nanoseconds counted{}, before{};
  for (int i = 0; i < 10'000; ++i) {
    counted += nanoseconds{random() % 2'000'000};
    const nanoseconds proven = time.take(counted, nanoseconds{random() % 200'000});
    CHECK(proven >= before);
    CHECK(proven + time.doubtful() == counted);
    before = proven;
  }
}

TEST_CASE("The clock of a thread that spins goes on, that of none is not valid") {
  clocks::RunClock clock(::gettid());
  if (!clock.valid()) {
    MESSAGE("no right to count this thread's CPU time");
    return;
  }
  const auto first = clock.read();
  REQUIRE(first);
  // Our own reading waits for nobody.
  while (*clock.read() < *first + milliseconds{2}) continue;
  CHECK_FALSE(clocks::RunClock(-2).valid());
  CHECK_FALSE(clocks::RunClock{}.read());
}

}  // namespace pulsed::test
