// policy.yaml against the store: the store wins, until the file says something new.
#include <doctest/doctest.h>

#include <memory>
#include <optional>

#include "tests/daemon/revisions/commits.h"
#include "tests/daemon/revisions/numbered_policy.h"
#include "tests/daemon/revisions/said.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {
namespace {

// A daemon that starts again and again in one state directory.
class Starts {
 public:
  // With that policy.yaml.
  RevisionStore& start(const std::optional<policy::Policy>& file) {
    store_.reset();
    store_ = std::make_unique<RevisionStore>(dir_.path(), said_.log());
    made(store_->import(file, kFile));
    store_->start([this](const RevisionPtr& revision) { in_force_ = revision; });
    in_force_ = store_->current();
    return *store_;
  }
  [[nodiscard]] const Said& said() const { return said_; }
  // What the loop has.
  [[nodiscard]] std::uint64_t in_force() const { return in_force_->number; }

 private:
  TempDir dir_;
  Said said_;
  std::unique_ptr<RevisionStore> store_;
  RevisionPtr in_force_;
};

}  // namespace

TEST_CASE("Without a file and without revisions the built-in policy is revision 1") {
  Starts starts;
  for (int i = 0; i < 3; ++i) {
    const RevisionStore& store = starts.start({});
    CHECK(store.current()->number == 1);
    CHECK(store.current()->author == Author{});
    CHECK(store.current()->policy == policy::Policy{});
  }
}

TEST_CASE("A file is revision 1 of an empty store, by its name") {
  Starts starts;
  const RevisionStore& store = starts.start(numbered_policy(5));
  CHECK(store.current()->number == 1);
  CHECK(store.current()->author == kFile);
  CHECK(store.current()->policy == numbered_policy(5));
}

TEST_CASE("A file is imported once, and again whenever it says something else") {
  Starts starts;
  for (int i = 0; i < 3; ++i) CHECK(starts.start(numbered_policy(5)).current()->number == 1);
  for (int i = 0; i < 3; ++i) CHECK(starts.start(numbered_policy(6)).current()->number == 2);
  CHECK(starts.start(numbered_policy(5)).current()->number == 3);
}

TEST_CASE("A newer revision wins over an unchanged file at every start, and that is said") {
  Starts starts;
  {
    RevisionStore& store = starts.start(numbered_policy(5));
    CHECK(made(commit(store, {numbered_policy(7), kSomebody}))->number == 2);
  }
  CHECK(starts.said().count(revisions::Gravity::kInfo, "unchanged") == 0);
  for (std::size_t i = 1; i <= 3; ++i) {
    const RevisionStore& store = starts.start(numbered_policy(5));
    CHECK(store.current()->number == 2);
    CHECK(store.current()->policy == numbered_policy(7));
    CHECK(starts.said().count(revisions::Gravity::kInfo,
                              "file /etc/pulsed/policy.yaml is unchanged since revision 1; "
                              "revision 2 by uid 1000 is in force") == i);
  }
}

TEST_CASE("A changed file wins over a newer revision, even if it says what is in force") {
  Starts starts;
  made(commit(starts.start(numbered_policy(5)), {numbered_policy(7), kSomebody}));
  {
    const RevisionStore& store = starts.start(numbered_policy(7));
    CHECK(store.current()->number == 3);
    CHECK(store.current()->author == kFile);
  }
  // From here on that is what was imported last.
  CHECK(starts.start(numbered_policy(7)).current()->number == 3);
  CHECK(starts.start(numbered_policy(5)).current()->number == 4);
}

TEST_CASE(
    "A file that is gone leaves the newest revision in force, and counts as unchanged later") {
  Starts starts;
  starts.start(numbered_policy(5));
  CHECK(starts.start({}).current()->number == 1);
  CHECK(starts.start({}).current()->policy == numbered_policy(5));
  CHECK(starts.start(numbered_policy(5)).current()->number == 1);
}

TEST_CASE("A file that appears beside the built-in policy is imported, even if it says the same") {
  Starts starts;
  starts.start({});
  CHECK(starts.start(policy::Policy{}).current()->number == 2);
  CHECK(starts.start(policy::Policy{}).current()->number == 2);
}

TEST_CASE("While the daemon runs a changed file is put in force, and an unchanged one is not") {
  Starts starts;
  RevisionStore& store = starts.start(numbered_policy(5));
  CHECK(made(store.import(numbered_policy(5), kFile))->number == 1);
  CHECK(starts.in_force() == 1);
  CHECK(made(store.import(numbered_policy(6), kFile))->number == 2);
  CHECK(starts.in_force() == 2);
  made(commit(store, {numbered_policy(9), kSomebody}));
  CHECK(made(store.import(numbered_policy(6), kFile))->number == 3);
  CHECK(starts.in_force() == 3);
  CHECK(starts.said().count(revisions::Gravity::kInfo, "unchanged since revision 2") == 1);
  CHECK(made(store.import(numbered_policy(5), kFile))->number == 4);
}

TEST_CASE("What was imported is remembered beyond the last revision that is kept") {
  Starts starts;
  RevisionStore& store = starts.start(numbered_policy(5));
  for (std::size_t i = 0; i < RevisionStore::kKept + 20; ++i) {
    made(commit(store, {numbered_policy(7), kSomebody}));
  }
  CHECK(store.find(1) == nullptr);
  const RevisionStore& again = starts.start(numbered_policy(5));
  CHECK(again.current()->number == RevisionStore::kKept + 21);
  CHECK(again.current()->policy == numbered_policy(7));
}

}  // namespace pulsed::test
