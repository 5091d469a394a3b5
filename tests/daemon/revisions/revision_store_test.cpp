#include "daemon/revisions/revision_store.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/daemon/revisions/commits.h"
#include "tests/daemon/revisions/numbered_policy.h"
#include "tests/daemon/revisions/said.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::size_t files_in(const std::string& state_dir) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(state_dir + "/revisions")) {
    count += entry.path().extension() == ".json" ? 1 : 0;
  }
  return count;
}

void check_same(const revisions::Revision& a, const revisions::Revision& b) {
  CHECK(a.number == b.number);
  CHECK(a.policy == b.policy);
  CHECK(a.author == b.author);
  CHECK(a.comment == b.comment);
  CHECK(a.created == b.created);
  CHECK(a.rolled_back_to == b.rolled_back_to);
}

}  // namespace

TEST_CASE("Before anything is imported the built-in policy is there, without a number") {
  const TempDir dir;
  const RevisionStore store(dir.path());
  CHECK(store.current()->number == 0);
  CHECK(store.current()->policy == policy::Policy{});
  CHECK(store.list(0, 10).empty());
}

TEST_CASE("Revisions count up from 1 and are found again by a later store") {
  const TempDir dir;
  std::vector<RevisionPtr> all;
  const auto before = std::chrono::system_clock::now();
  {
    RevisionStore store(dir.path());
    all.push_back(made(store.import({}, {})));
    all.push_back(
        made(commit(store, {numbered_policy(5), kSomebody, "a comment\nof two lines", 1})));
    all.push_back(made(commit(
        store, {numbered_policy(6), {Author::Kind::kCertificate, 0, "ops.example"}, "", {}, 2})));
    for (std::size_t i = 0; i < all.size(); ++i) {
      CHECK(all[i]->number == i + 1);
      CHECK(all[i]->created >= before);
      CHECK(all[i]->created <= std::chrono::system_clock::now());
      CHECK(store.find(i + 1) == all[i]);
    }
    CHECK(store.current() == all.back());
    CHECK(store.not_durable().empty());
  }
  CHECK(all[0]->author == Author{});
  CHECK(all[2]->rolled_back_to == 2);
  const RevisionStore again(dir.path());
  for (const RevisionPtr& revision : all) {
    REQUIRE(again.find(revision->number));
    check_same(*again.find(revision->number), *revision);
  }
  check_same(*again.current(), *all.back());
}

TEST_CASE("A policy equal to the one in force is a revision too") {
  const TempDir dir;
  RevisionStore store(dir.path());
  CHECK(made(commit(store, {numbered_policy(1), kSomebody}))->number == 1);
  CHECK(made(commit(store, {numbered_policy(1), kSomebody}))->number == 2);
}

TEST_CASE("A change made from another revision than the one in force is refused as stale") {
  const TempDir dir;
  RevisionStore store(dir.path());
  made(commit(store, {numbered_policy(1), kSomebody}));
  made(commit(store, {numbered_policy(2), kSomebody, "", 1}));
  for (const std::uint64_t stale : {0, 1, 3}) {
    const Refused why = refused(commit(store, {numbered_policy(3), kSomebody, "", stale}));
    CHECK(why.refusal == Refusal::kStale);
    CHECK(why.why.find("revision 2 is in force") != std::string::npos);
  }
  CHECK(store.current()->number == 2);
  CHECK(files_in(dir.path()) == 2);
  CHECK(made(commit(store, {numbered_policy(3), kSomebody, "", 2}))->number == 3);
}

// Every writer adds 1 to the number it read, and takes a refusal as a reason to read again: an update lost would leave the
// sum short, and a revision made from another than its predecessor would break the chain.
TEST_CASE("Writers that race with what they expect never lose an update") {
  constexpr std::size_t kWriters = 4;
  constexpr std::uint64_t kEach = 50;
  const TempDir dir;
  RevisionStore store(dir.path());
  made(commit(store, {numbered_policy(0), kSomebody}));
  std::vector<std::thread> writers;
  for (std::size_t w = 0; w < kWriters; ++w) {
    writers.emplace_back([&] {
      for (std::uint64_t done = 0; done < kEach;) {
        const RevisionPtr from = store.current();
        const auto outcome = commit(
            store, {numbered_policy(number_of(from->policy) + 1), kSomebody, "", from->number});
        done += std::holds_alternative<RevisionPtr>(outcome) ? 1 : 0;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(number_of(store.current()->policy) == kWriters * kEach);
  CHECK(store.current()->number == 1 + kWriters * kEach);
  for (const RevisionPtr& revision : store.list(0, RevisionStore::kKept)) {
    CHECK(number_of(revision->policy) + 1 == revision->number);
  }
}

TEST_CASE("The last 100 are kept, in memory and on disk") {
  const TempDir dir;
  {
    RevisionStore store(dir.path());
    for (std::uint64_t i = 1; i <= 130; ++i) made(commit(store, {numbered_policy(i), kSomebody}));
    CHECK(files_in(dir.path()) == 100);
    CHECK(store.find(30) == nullptr);
    CHECK(number_of(store.find(31)->policy) == 31);
    CHECK(store.list(0, 1000).size() == 100);
  }
  const RevisionStore again(dir.path());
  CHECK(again.list(0, 1000).size() == 100);
  CHECK(again.current()->number == 130);
  CHECK(again.find(30) == nullptr);
}

TEST_CASE("Revisions are listed newest first, page by page") {
  const TempDir dir;
  RevisionStore store(dir.path());
  for (std::uint64_t i = 1; i <= 105; ++i) made(commit(store, {numbered_policy(i), kSomebody}));
  std::uint64_t before = 0;
  std::uint64_t next = 105;
  while (true) {
    const auto page = store.list(before, 7);
    if (page.empty()) break;
    CHECK(page.size() <= 7);
    for (const RevisionPtr& revision : page) CHECK(revision->number == next--);
    before = page.back()->number;
  }
  CHECK(next == 5);
  CHECK(store.list(0, 0).empty());
  CHECK(store.list(6, 10).empty());
  CHECK(store.list(7, 10).size() == 1);
  CHECK(store.list(1'000'000, 1).front()->number == 105);
}

TEST_CASE("Who waits for another revision hears of it") {
  const TempDir dir;
  RevisionStore store(dir.path());
  made(commit(store, {numbered_policy(1), kSomebody}));
  CHECK(store.wait(0, 1h));
  CHECK_FALSE(store.wait(1, 1ms));
  std::thread waiter([&] {
    CHECK(store.wait(1, 1h));
    CHECK(store.current()->number == 2);
  });
  made(commit(store, {numbered_policy(2), kSomebody}));
  waiter.join();
}

TEST_CASE("A revision is in force before whoever made it hears of it, and each once, in order") {
  const TempDir dir;
  RevisionStore store(dir.path());
  made(commit(store, {numbered_policy(1), kSomebody}));
  std::vector<std::uint64_t> in_force;
  store.start([&](const RevisionPtr& revision) { in_force.push_back(revision->number); });
  CHECK(in_force.empty());
  for (std::uint64_t i = 2; i <= 20; ++i) {
    std::promise<std::uint64_t> last_in_force;
    store.commit({numbered_policy(i), kSomebody}, [&](const RevisionStore::Outcome& outcome) {
      CHECK(std::holds_alternative<RevisionPtr>(outcome));
      last_in_force.set_value(in_force.back());
    });
    CHECK(last_in_force.get_future().get() == i);
  }
  refused(commit(store, {numbered_policy(21), kSomebody, "", 7}));
  store.stop();
  CHECK(in_force.size() == 19);
}

TEST_CASE("A store that stops does what waits and refuses the rest") {
  const TempDir dir;
  RevisionStore store(dir.path());
  std::atomic<int> done{0};
  for (std::uint64_t i = 1; i <= 50; ++i) {
    store.commit({numbered_policy(i), kSomebody}, [&](const RevisionStore::Outcome& outcome) {
      CHECK(std::holds_alternative<RevisionPtr>(outcome));
      ++done;
    });
  }
  store.stop();
  CHECK(done == 50);
  CHECK(store.current()->number == 50);
  CHECK(refused(commit(store, {numbered_policy(51), kSomebody})).refusal == Refusal::kStopping);
  CHECK(refused(store.import(numbered_policy(51), kFile)).refusal == Refusal::kStopping);
}

TEST_CASE("More commits than may wait are refused at once") {
  const TempDir dir;
  RevisionStore store(dir.path());
  std::promise<void> go_on;
  std::promise<void> held;
  store.commit({numbered_policy(1), kSomebody}, [&](const auto&) {
    held.set_value();
    go_on.get_future().wait();
  });
  held.get_future().wait();
  std::atomic<std::size_t> done_later{0};
  for (std::size_t i = 0; i < RevisionStore::kMostWaiting; ++i) {
    store.commit({numbered_policy(2), kSomebody, "", 7},
                 [&](const RevisionStore::Outcome& outcome) {
                   done_later += refused(outcome).refusal == Refusal::kStale ? 1 : 0;
                 });
  }
  const Refused why = refused(commit(store, {numbered_policy(3), kSomebody}));
  CHECK(why.refusal == Refusal::kNotStored);
  CHECK(why.why.find("1024") != std::string::npos);
  go_on.set_value();
  store.stop();
  CHECK(done_later == RevisionStore::kMostWaiting);
}

TEST_CASE("Ten thousand commits at full speed are made, in order, and the last is found again") {
  // In memory, where there is such a file system: that is the fullest speed. All trials are made on a disk.
#if defined(__SANITIZE_THREAD__)
  constexpr std::uint64_t count = 2000;
#else
  constexpr std::uint64_t count = 10'000;
#endif
  const bool on_disk = std::getenv("PULSED_TEST_FULL") != nullptr || !fs::exists("/dev/shm");
  const TempDir dir(on_disk ? fs::temp_directory_path() : "/dev/shm");
  {
    RevisionStore store(dir.path());
    std::atomic<std::uint64_t> last{0};
    std::atomic<std::size_t> waiting{0};
    for (std::uint64_t i = 1; i <= count; ++i) {
      while (waiting.load() >= 512) store.wait(last.load(), 10ms);
      ++waiting;
      store.commit({numbered_policy(i), kSomebody}, [&](const RevisionStore::Outcome& outcome) {
        const auto* revision = std::get_if<RevisionPtr>(&outcome);
        if (revision != nullptr && (*revision)->number == last + 1) ++last;
        --waiting;
      });
    }
    store.stop();
    CHECK(last == count);
  }
  const RevisionStore again(dir.path());
  CHECK(again.current()->number == count);
  CHECK(number_of(again.current()->policy) == count);
}

TEST_CASE("A policy that would not read back is refused: it could not be found again") {
  const TempDir dir;
  RevisionStore store(dir.path());
  made(commit(store, {numbered_policy(1), kSomebody}));
  policy::Policy odd;
  odd.rules.resize(1);  // sets nothing, which policy.yaml cannot say
  CHECK(refused(commit(store, {odd, kSomebody})).refusal == Refusal::kNotStored);
  odd = {};
  odd.defaults.window = policy::Duration{-1};
  CHECK(refused(commit(store, {odd, kSomebody})).refusal == Refusal::kNotStored);
  CHECK(store.current()->number == 1);
  CHECK(files_in(dir.path()) == 1);
}

TEST_CASE("Authors are named in words") {
  CHECK(text(Author{}) == "built-in");
  CHECK(text(kSomebody) == "uid 1000");
  CHECK(text(kFile) == "file /etc/pulsed/policy.yaml");
  CHECK(text(Author{Author::Kind::kCertificate, 0, "ops"}) == "certificate ops");
}

}  // namespace pulsed::test
