#include "daemon/ledger.h"

#include <doctest/doctest.h>

#include "tests/support/attached_by_hand.h"

namespace pulsed {
namespace {

using namespace std::chrono_literals;
using test::AttachedByHand;

const ClassSnapshot* find(const Snapshot& snapshot, const std::string& cls) {
  for (const ClassSnapshot& c : snapshot.classes) {
    if (c.task_class == cls) return &c;
  }
  return nullptr;
}

Snapshot fill(Ledger& ledger, const AttachedByHand& t, policy::Time now) {
  Snapshot snapshot;
  ledger.fill(snapshot, {}, t.clock(), now);
  return snapshot;
}

struct Counted : AttachedByHand {
  Counted() {
    add_class(1, "a");
    add_class(2, "b");
    add_worker(0);
    tick();
    s().totals[1].polls = 10;
    s().totals[2].polls = 20;
    collector().read_totals(service());
  }
};

TEST_CASE("what a departed service counted stays until its series are let go") {
  Counted t;
  Ledger ledger({});
  ledger.close(t.service(), t.now());
  Snapshot after = fill(ledger, t, t.now() + Ledger::kKeptAfterDetach);
  REQUIRE(find(after, "a") != nullptr);
  CHECK(find(after, "a")->polls == 10);
  CHECK(after.services.at(0).processes == 0);
  after = fill(ledger, t, t.now() + Ledger::kKeptAfterDetach + 1ns);
  CHECK(after.services.empty());
  CHECK(after.classes.empty());
}

TEST_CASE("a process that comes back under the name goes on counting where the last one ended") {
  Counted first;
  Ledger ledger({});
  ledger.close(first.service(), first.now());
  Counted second;
  ledger.close(second.service(), second.now() + 1min);
  const Snapshot after = fill(ledger, first, first.now() + 1min);
  CHECK(find(after, "a")->polls == 20);
  CHECK(find(after, "b")->polls == 40);
}

TEST_CASE("over a cap classes are folded into other, and nothing is lost") {
  Counted t;
  Ledger ledger({.services = 100, .classes_per_service = 1});
  ledger.close(t.service(), t.now());
  const Snapshot after = fill(ledger, t, t.now());
  CHECK(after.classes.size() == 2);
  CHECK(find(after, "a")->polls == 10);
  CHECK(find(after, "other")->polls == 20);
}

}  // namespace
}  // namespace pulsed
