#include "daemon/rpc/allowance.h"

#include <doctest/doctest.h>

#include <vector>

namespace pulsed::rpc {
namespace {

Caller reader(const char* who) { return {.who = who}; }
Caller admin(const char* who) { return {.who = who, .may_change = true}; }

TEST_CASE("a caller has no more at a time than is due to one, and gets it again") {
  Allowance allowance(100, 3);
  const auto kept = allowance.take(reader("a"), 2);
  CHECK(allowance.take(reader("a"), 2) == nullptr);
  CHECK(allowance.has_left(reader("a")));
  auto rest = allowance.take(reader("a"), 1);
  CHECK_FALSE(allowance.has_left(reader("a")));
  CHECK(allowance.take(reader("b"), 3) != nullptr);
  rest.reset();
  CHECK(allowance.take(reader("a"), 1) != nullptr);
}

TEST_CASE(
    "who has nothing yet may take more at once than is due to one, but not more than there is") {
  Allowance allowance(100, 3);
  const auto much = allowance.take(reader("a"), 50);
  CHECK(much != nullptr);
  CHECK(allowance.take(reader("a"), 1) == nullptr);
  CHECK(allowance.take(reader("b"), 26) == nullptr);
  CHECK(allowance.take(reader("b"), 25) != nullptr);
}

TEST_CASE("readers together leave a quarter to those who may change things") {
  Allowance allowance(8, 8);
  std::vector<Allowance::Taken> kept;
  for (const char* who : {"a", "b", "c", "d", "e", "f"})
    kept.push_back(allowance.take(reader(who), 1));
  for (const auto& one : kept) CHECK(one != nullptr);
  CHECK(allowance.take(reader("g"), 1) == nullptr);
  CHECK(allowance.take(admin("root"), 2) != nullptr);
  CHECK(allowance.take(admin("root"), 3) == nullptr);
}

TEST_CASE("what was taken may outlive the allowance") {
  Allowance::Taken kept;
  {
    Allowance allowance(1, 1);
    kept = allowance.take(admin("root"), 1);
  }
  kept.reset();
}

}  // namespace
}  // namespace pulsed::rpc
