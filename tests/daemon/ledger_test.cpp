#include "daemon/ledger.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>
#include <vector>

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

const ServiceSnapshot* find_service(const Snapshot& snapshot, const std::string& name) {
  for (const ServiceSnapshot& s : snapshot.services) {
    if (s.service == name) return &s;
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
  Snapshot after = fill(ledger, t, t.now() + 5min);
  REQUIRE(find(after, "a") != nullptr);
  CHECK(find(after, "a")->polls == 10);
  CHECK(after.services.at(0).processes == 0);
  after = fill(ledger, t, t.now() + 5min + 1ns);
  CHECK(after.services.empty());
  CHECK(after.classes.empty());
}

TEST_CASE("how long a departed service keeps its series is a setting") {
  Counted t;
  Ledger ledger({.keep_departed = 30s});
  ledger.close(t.service(), t.now());
  CHECK(fill(ledger, t, t.now() + 30s).services.size() == 1);
  CHECK(fill(ledger, t, t.now() + 30s + 1ns).services.empty());
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

// Services that are attached while a ledger is filled.
class Live {
 public:
  collect::Service& attach(const std::string& name, std::uint64_t skipped) {
    services_.push_back(std::make_unique<collect::Service>(attached_as(name)));
    services_.back()->skipped_samples = skipped;
    return *services_.back();
  }
  void detach(Ledger& ledger, const std::string& name, policy::Time now) {
    const auto found = std::find_if(services_.begin(), services_.end(),
                                    [&](const auto& s) { return s->peer.name == name; });
    ledger.close(**found, now);
    services_.erase(found);
  }
  void add_class(collect::Service& service, const std::string& name, std::uint64_t polls) {
    collect::ClassView view{};
    view.name = name;
    view.polls = polls;
    if (service.classes.empty()) service.classes.emplace_back();
    service.classes.push_back(std::move(view));
  }
  Snapshot fill(Ledger& ledger, policy::Time now) {
    Snapshot snapshot;
    ledger.fill(snapshot, services_, clock_, now);
    return snapshot;
  }

 private:
  attach::AttachedService attached_as(const std::string& name) {
    std::string error;
    auto end = shm::create_segments(AttachedByHand::kDimensions,
                                    {clock_.kind(), clock_.ticks_per_second()}, 1, error);
    if (!end) throw std::runtime_error(error);
    return {attach::ServiceId{1},
            ::getpid(),
            ::getuid(),
            name,
            AttachedByHand::kDimensions,
            std::move(*end),
            std::make_shared<shm::Fd>()};
  }

  shm::TickClock clock_{shm::clock_kind(), 10ms};
  std::vector<std::unique_ptr<collect::Service>> services_;
};

constexpr policy::Time kStart = 1h;

TEST_CASE("services that came and went do not take the series of one that is attached") {
  Live live;
  Ledger ledger({.services = 3, .classes_per_service = 100});
  for (int i = 0; i < 10; ++i) {
    const std::string name = "short-" + std::to_string(i);
    live.attach(name, 1);
    live.detach(ledger, name, kStart + i * 1s);
  }
  live.attach("shop", 5);
  const Snapshot now = live.fill(ledger, kStart + 10s);
  REQUIRE(find_service(now, "shop") != nullptr);
  CHECK(find_service(now, "shop")->skipped_samples == 5);
  CHECK(find_service(now, "shop")->processes == 1);
  // The longest gone made room.
  CHECK(find_service(now, "short-0") == nullptr);
  CHECK(find_service(now, "short-1") != nullptr);
  CHECK(now.services.size() == 4);
}

TEST_CASE("a folded service stays folded while it is attached, so that other does not fall") {
  Live live;
  Ledger ledger({.services = 1, .classes_per_service = 100});
  live.attach("first", 1);
  live.attach("second", 10);
  Snapshot now = live.fill(ledger, kStart);
  CHECK(find_service(now, "other")->skipped_samples == 10);
  live.detach(ledger, "first", kStart);
  now = live.fill(ledger, kStart + 5min + 1ns);
  CHECK(find_service(now, "first") == nullptr);
  CHECK(find_service(now, "second") == nullptr);
  REQUIRE(find_service(now, "other") != nullptr);
  CHECK(find_service(now, "other")->skipped_samples == 10);
  // With room, a name that is new has a series of its own.
  live.attach("third", 100);
  now = live.fill(ledger, kStart + 5min + 2ns);
  CHECK(find_service(now, "third")->skipped_samples == 100);
  CHECK(find_service(now, "other")->skipped_samples == 10);
}

TEST_CASE("what departed services left under other stays as long as one of them is attached") {
  Live live;
  Ledger ledger({.services = 1, .classes_per_service = 100});
  live.attach("first", 1);
  live.attach("second", 10);
  live.attach("third", 100);
  Snapshot now = live.fill(ledger, kStart);
  CHECK(find_service(now, "other")->skipped_samples == 110);
  live.detach(ledger, "second", kStart);
  for (int minute = 0; minute < 20; ++minute) {
    now = live.fill(ledger, kStart + minute * 1min);
    CHECK(find_service(now, "other")->skipped_samples == 110);
  }
}

TEST_CASE("a class keeps its series when services of the same name come and go") {
  Live live;
  Ledger ledger({.services = 100, .classes_per_service = 1});
  live.add_class(live.attach("shop", 0), "a", 10);
  collect::Service& second = live.attach("shop", 0);
  live.add_class(second, "b", 20);
  Snapshot now = live.fill(ledger, kStart);
  CHECK(find(now, "a")->polls == 10);
  CHECK(find(now, "other")->polls == 20);
  ledger.close(second, kStart);
  now = live.fill(ledger, kStart);
  REQUIRE(find(now, "a") != nullptr);
  CHECK(find(now, "a")->polls == 10);
  CHECK(find(now, "b") == nullptr);
}

std::set<std::string> service_values(const Snapshot& snapshot) {
  std::set<std::string> values;
  for (const ServiceSnapshot& s : snapshot.services) values.insert(s.service);
  return values;
}

std::set<std::string> class_values(const Snapshot& snapshot) {
  std::set<std::string> values;
  for (const ClassSnapshot& c : snapshot.classes) values.insert(c.task_class);
  return values;
}

TEST_CASE("as many services as the cap each have series, and one more is in other") {
  Live live;
  Ledger ledger({.services = 3});
  for (const char* name : {"a", "b", "c"}) live.attach(name, 1);
  Snapshot now = live.fill(ledger, kStart);
  CHECK(service_values(now) == std::set<std::string>{"a", "b", "c"});
  CHECK(now.daemon.folded_label_values == 0);
  live.attach("d", 10);
  now = live.fill(ledger, kStart);
  CHECK(service_values(now) == std::set<std::string>{"a", "b", "c", "other"});
  CHECK(find_service(now, "other")->skipped_samples == 10);
  CHECK(now.daemon.folded_label_values == 1);
}

TEST_CASE("class names of all services together are capped, and one more is in other") {
  Live live;
  Ledger ledger({.class_names = 4});
  collect::Service& shop = live.attach("shop", 0);
  collect::Service& bank = live.attach("bank", 0);
  for (const char* name : {"a", "b"}) live.add_class(shop, name, 1);
  for (const char* name : {"c", "d"}) live.add_class(bank, name, 1);
  Snapshot now = live.fill(ledger, kStart);
  CHECK(class_values(now) == std::set<std::string>{"a", "b", "c", "d"});
  CHECK(now.daemon.folded_label_values == 0);
  live.add_class(shop, "e", 10);
  // A value that another service has already is none more.
  live.add_class(bank, "a", 100);
  now = live.fill(ledger, kStart);
  CHECK(class_values(now) == std::set<std::string>{"a", "b", "c", "d", "other"});
  CHECK(find(now, "other")->service == "shop");
  CHECK(find(now, "other")->polls == 10);
  CHECK(now.classes.size() == 6);
  CHECK(now.daemon.folded_label_values == 1);
}

TEST_CASE("classes of one service are capped, and one more is in other") {
  Live live;
  Ledger ledger({.classes_per_service = 2});
  collect::Service& shop = live.attach("shop", 0);
  for (const char* name : {"a", "b"}) live.add_class(shop, name, 1);
  CHECK(class_values(live.fill(ledger, kStart)) == std::set<std::string>{"a", "b"});
  live.add_class(shop, "c", 10);
  const Snapshot now = live.fill(ledger, kStart);
  CHECK(class_values(now) == std::set<std::string>{"a", "b", "other"});
  CHECK(now.daemon.folded_label_values == 1);
}

TEST_CASE("classes of all services together are capped, and one more is in other of its service") {
  Live live;
  Ledger ledger({.classes = 3});
  for (const char* name : {"shop", "bank"}) {
    collect::Service& service = live.attach(name, 0);
    for (const char* cls : {"a", "b"}) live.add_class(service, cls, 10);
  }
  const Snapshot now = live.fill(ledger, kStart);
  CHECK(now.classes.size() == 4);
  const ClassSnapshot* other = find(now, "other");
  REQUIRE(other != nullptr);
  CHECK(other->service == "bank");
  CHECK(other->polls == 10);
  CHECK(now.daemon.folded_label_values == 1);
}

// Each name has few classes, all the same: no other cap is reached.
TEST_CASE("services that come and go with classes show no more of them than the cap") {
  Live live;
  Ledger ledger({.classes = 50});
  for (int n = 0; n < 20; ++n) {
    const std::string name = "service-" + std::to_string(n);
    collect::Service& service = live.attach(name, 0);
    for (int c = 0; c < 10; ++c) live.add_class(service, "class-" + std::to_string(c), 1);
    if (n % 2 == 0) live.fill(ledger, kStart + n * 1s);
    live.detach(ledger, name, kStart + n * 1s);
  }
  live.add_class(live.attach("shop", 0), "class-0", 100);
  const Snapshot now = live.fill(ledger, kStart + 20s);
  const auto others = std::count_if(now.classes.begin(), now.classes.end(),
                                    [](const ClassSnapshot& c) { return c.task_class == "other"; });
  CHECK(now.classes.size() - static_cast<std::size_t>(others) <= 50);
  // Who is there has room before who has gone.
  CHECK(std::any_of(now.classes.begin(), now.classes.end(), [](const ClassSnapshot& c) {
    return c.service == "shop" && c.task_class == "class-0" && c.polls == 100;
  }));
}

TEST_CASE("what is done about a class stays said while its departed service is shown") {
  Counted first;
  Ledger ledger({});
  ledger.close(first.service(), first.now());
  const Snapshot gone = fill(ledger, first, first.now());
  CHECK(find(gone, "a")->enforcement == policy::Enforcement::kEnforce);
  // Of a process that is there it is what holds now.
  Live live;
  collect::Service& second = live.attach("test", 0);
  live.add_class(second, "a", 1);
  second.classes.resize(2);
  const Snapshot back = live.fill(ledger, first.now());
  CHECK(find(back, "a")->enforcement == second.tiers.policy(policy::ClassId{1}).enforcement);
  CHECK(find(back, "a")->enforcement != policy::Enforcement::kEnforce);
}

// In flight on an ordinary worker (line 0) and on one of the isolation pool (line 1).
struct Polling : AttachedByHand {
  Polling() {
    add_class(1, "a");
    add_worker(0);
    add_worker(1, PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION);
    tick();
  }
  void poll(std::uint32_t worker, policy::Duration age, policy::Duration cpu, policy::Blame blame) {
    begin_poll(worker, ref(20 + worker, 1, 1, PULSED_KIND_POLL), age);
    tick();
    service().workers[worker].current.cpu = cpu;
    service().workers[worker].current.blame = blame;
  }
  ServiceSnapshot shown() {
    Ledger ledger({});
    Snapshot snapshot;
    Ledger::Live live;
    live.push_back(take());
    ledger.fill(snapshot, live, clock(), now());
    return snapshot.services.at(0);
  }
};

std::array<std::uint64_t, policy::kBlameCount> one(policy::Blame blame) {
  std::array<std::uint64_t, policy::kBlameCount> counts{};
  counts[static_cast<std::size_t>(blame)] = 1;
  return counts;
}

TEST_CASE("a poll that waits holds its worker and is not over its budget") {
  Polling t;
  t.poll(0, 10s, 0ms, policy::Blame::kBlocked);
  const ServiceSnapshot shown = t.shown();
  CHECK(shown.holding_polls == one(policy::Blame::kBlocked));
  CHECK(shown.in_flight_over_budget == 0);
  CHECK(shown.in_flight_longest_ns >= 10'000'000'000);
}

TEST_CASE("a poll that burned over its budget holds its worker") {
  Polling t;
  t.poll(0, 10s, 2ms, policy::Blame::kBurning);
  const ServiceSnapshot shown = t.shown();
  CHECK(shown.holding_polls == one(policy::Blame::kBurning));
  CHECK(shown.in_flight_over_budget == 1);
}

TEST_CASE("a poll on the isolation pool holds no worker, and can be over its budget") {
  Polling t;
  t.poll(1, 10s, 5s, policy::Blame::kBurning);
  const ServiceSnapshot shown = t.shown();
  CHECK(shown.holding_polls == std::array<std::uint64_t, policy::kBlameCount>{});
  CHECK(shown.in_flight_longest_ns == 0);
  CHECK(shown.in_flight_over_budget == 1);
}

TEST_CASE("class names of a service that is let go make room for new ones") {
  Live live;
  Ledger ledger({.class_names = 2});
  collect::Service& old = live.attach("old", 0);
  for (const char* name : {"a", "b"}) live.add_class(old, name, 1);
  live.fill(ledger, kStart);
  live.detach(ledger, "old", kStart);
  SUBCASE("after its time") {
    live.fill(ledger, kStart + 5min + 1ns);
    live.add_class(live.attach("new", 0), "c", 10);
    CHECK(class_values(live.fill(ledger, kStart + 6min)) == std::set<std::string>{"c"});
  }
  SUBCASE("before it, when a service that is attached needs the room") {
    live.add_class(live.attach("new", 0), "c", 10);
    CHECK(class_values(live.fill(ledger, kStart + 1s)) == std::set<std::string>{"c"});
  }
  SUBCASE("but not while there is room") {
    live.add_class(live.attach("new", 0), "a", 10);
    const Snapshot now = live.fill(ledger, kStart + 1s);
    CHECK(class_values(now) == std::set<std::string>{"a", "b"});
    CHECK(now.classes.size() == 3);
  }
}

// Whatever attaches and detaches: the caps hold, nothing is lost to a series that goes on, and no counter falls.
TEST_CASE("caps hold while services with many classes come and go") {
  constexpr std::size_t kCap = 5;
  Live live;
  Ledger ledger({.services = 3, .class_names = kCap, .classes_per_service = 3});
  std::uint64_t seed = 1;
  const auto random = [&](std::uint64_t most) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (seed >> 33) % most;
  };
  std::vector<std::string> attached;
  std::uint64_t folded = 0;
  for (int step = 0; step < 300; ++step) {
    const policy::Time now = kStart + step * 20s;
    if (attached.size() < 4 || random(2) == 0) {
      attached.push_back("service-" + std::to_string(random(8)));
      collect::Service& service = live.attach(attached.back(), 1);
      for (std::uint64_t n = random(6); n > 0; --n)
        live.add_class(service, "class-" + std::to_string(random(12)), 1);
    } else {
      const std::size_t which = random(attached.size());
      live.detach(ledger, attached[which], now);
      attached.erase(attached.begin() + static_cast<std::ptrdiff_t>(which));
    }
    const Snapshot snapshot = live.fill(ledger, now);
    std::set<std::string> services = service_values(snapshot);
    std::set<std::string> classes = class_values(snapshot);
    services.erase("other");
    classes.erase("other");
    CHECK(services.size() <= 3);
    CHECK(classes.size() <= kCap);
    CHECK(snapshot.daemon.folded_label_values >= folded);
    folded = snapshot.daemon.folded_label_values;
    std::uint64_t processes = 0;
    for (const ServiceSnapshot& s : snapshot.services) processes += s.processes;
    CHECK(processes == attached.size());
  }
  CHECK(folded > 0);
}

TEST_CASE("each name that is folded is counted once and the count never falls") {
  Live live;
  Ledger ledger({.services = 2, .classes_per_service = 1});
  for (const char* name : {"a", "b", "c", "c", "d"}) live.attach(name, 1);
  CHECK(live.fill(ledger, kStart).daemon.folded_label_values == 2);
  CHECK(live.fill(ledger, kStart).daemon.folded_label_values == 2);
  for (const char* name : {"c", "c", "d"}) live.detach(ledger, name, kStart);
  CHECK(live.fill(ledger, kStart).daemon.folded_label_values == 2);
}

}  // namespace
}  // namespace pulsed
