#include "daemon/log_budget.h"

#include <doctest/doctest.h>

namespace pulsed {
namespace {

using namespace std::chrono_literals;

TEST_CASE("ten lines a second are written, and the next second's first says what was left out") {
  LogBudget budget;
  const policy::Time begin = 100s;
  for (std::uint32_t i = 0; i < LogBudget::kLinesASecond; ++i) CHECK(budget.take(begin));
  CHECK(budget.left_out().empty());
  CHECK_FALSE(budget.take(begin));
  CHECK_FALSE(budget.take(begin + 999ms));
  CHECK(budget.take(begin + 1s));
  CHECK(budget.left_out() == " (and 2 such lines left out)");
  CHECK(budget.left_out().empty());
}

}  // namespace
}  // namespace pulsed
