#include "daemon/clocks/thread_stat.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <random>
#include <string>

#include <doctest/doctest.h>

namespace pulsed::test {

TEST_CASE("A thread's name, state, nice value, policy and start are read whatever its name holds") {
  const std::string name = ") R (1 2 3)) 4";
  ::prctl(PR_SET_NAME, name.c_str());
  const auto stat = clocks::read_thread_stat(::getpid(), ::gettid());
  REQUIRE(stat);
  CHECK(std::string(stat->name.data()) == name);
  CHECK(stat->state == 'R');
  CHECK(stat->policy == 0);
  CHECK(stat->start_time > 0);
  CHECK(stat->start_time <= clocks::boot_ticks_now());
}

TEST_CASE("There is nothing to read of a thread of another process, or of none") {
  CHECK_FALSE(clocks::read_thread_stat(::getpid(), 1));
  CHECK_FALSE(clocks::read_thread_stat(0, 0));
  CHECK_FALSE(clocks::read_thread_stat(-1, -1));
  CHECK_FALSE(clocks::read_thread_stat(INT32_MAX, INT32_MAX));
}

TEST_CASE("Text that is no stat is refused, however it is cut or garbled") {
  const std::string whole =
      "7 (a b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 -5 1 0 12345 1 2 3 4 5 6 7 8 9 10 11 12 13 "
      "14 15 17 0 0 3 0 0";
  const auto stat = clocks::parse_thread_stat(whole);
  REQUIRE(stat);
  CHECK(stat->nice == -5);
  CHECK(stat->start_time == 12345);
  CHECK(stat->policy == 3);
  for (std::size_t length = 0; length < whole.size() - 5; ++length) {
    CHECK_FALSE(clocks::parse_thread_stat(whole.substr(0, length)));
  }
  std::mt19937 random(1);
  for (int round = 0; round < 10'000; ++round) {
    std::string text = whole;
    for (int i = 0; i < 3; ++i) text[random() % text.size()] = static_cast<char>(random());
    (void)clocks::parse_thread_stat(text);
  }
}

}  // namespace pulsed::test
