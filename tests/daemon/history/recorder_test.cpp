#include "daemon/history/recorder.h"

#include <doctest/doctest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <semaphore>
#include <string>
#include <utility>

namespace pulsed::history {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// Beats when the test says so.
class ManualBeat final : public Beat {
 public:
  bool wait() override {
    ++waits_;
    beats_.acquire();
    return !over_;
  }
  void end() override {
    over_ = true;
    beats_.release();
  }
  std::chrono::system_clock::time_point now() const override {
    return std::chrono::system_clock::time_point(1'764'000'000s);
  }
  void strike() {
    ++struck_;
    beats_.release();
  }
  // Until the recorder is done with what was struck.
  void settle() const {
    while (waits_ != struck_ + 1) std::this_thread::yield();
  }

 private:
  int struck_ = 0;
  std::atomic<int> waits_{0};
  std::counting_semaphore<> beats_{0};
  std::atomic<bool> over_{false};
};

class FakeLoop final : public SnapshotSource, public DetailsSource {
 public:
  std::shared_ptr<const Snapshot> fresh(std::chrono::milliseconds patience) override {
    patience_ms = patience.count();
    if (shared != nullptr) return shared;
    return std::make_shared<const Snapshot>(snapshot);
  }
  std::shared_ptr<const Details> details(std::chrono::milliseconds) override { std::abort(); }
  std::shared_ptr<const Details> workers(std::chrono::milliseconds) override {
    ++details_asked;
    return std::make_shared<const Details>(detail);
  }
  std::chrono::milliseconds since_last_tick() const override { return since_tick; }

  // Written between beats.
  Snapshot snapshot;
  std::shared_ptr<const Snapshot> shared;  // in its place, if there is one
  Details detail;
  std::chrono::milliseconds since_tick{0};
  std::atomic<std::int64_t> patience_ms{-1};
  std::atomic<int> details_asked{0};
};

struct Recorded {
  Recorded() {
    loop.snapshot.at = 1s;
    history.on_append([this] { appended.release(); });
    recorder.start();
  }
  // What the next beat makes.
  json next() {
    const std::uint64_t wanted = history.last() + 1;
    beat.strike();
    REQUIRE(appended.try_acquire_for(20s));
    const std::string text = *history.from(wanted, 1).texts.at(0);
    return json::parse(text.substr(text.find("data: ") + 6));
  }
  void beat_in_vain() {
    beat.strike();
    beat.settle();
  }
  void happen(std::size_t count, decltype(Event::what) what = ServiceDetached{}) {
    std::vector<Event> all(count, Event{.what = std::move(what)});
    log.append(all);
  }

  FakeLoop loop;
  EventLog log;
  std::atomic<bool> ready{true};
  ManualBeat beat;
  History history;
  std::counting_semaphore<> appended{0};
  Recorder recorder{{loop, loop, log, [this] { return ready.load(); }}, history, beat};
};

TEST_CASE("at each beat a moment is appended") {
  Recorded t;
  t.loop.snapshot.daemon.version = "1.2.3";
  t.loop.since_tick = 4ms;
  const json first = t.next();
  CHECK(first["t"] == 1'764'000'000);
  CHECK(first["d"]["version"] == "1.2.3");
  CHECK(first["d"]["ready"] == true);
  CHECK(first["d"]["since_tick"] == 0.004);
  t.ready = false;
  CHECK_FALSE(t.next()["d"].contains("ready"));
  CHECK(t.history.last() == 2);
}

TEST_CASE(
    "a picture that the loop still shares makes no second moment, and no event is lost for it") {
  Recorded t;
  t.loop.shared = std::make_shared<const Snapshot>(t.loop.snapshot);
  t.next();
  t.happen(3);
  t.beat_in_vain();
  CHECK(t.history.last() == 1);
  t.loop.shared = std::make_shared<const Snapshot>(t.loop.snapshot);
  CHECK(t.next()["events"].size() == 3);
}

TEST_CASE("a loop that stands still is told of at each beat, with the picture that it left") {
  Recorded t;
  t.loop.shared = std::make_shared<const Snapshot>(t.loop.snapshot);
  t.loop.since_tick = 3s;
  t.next();
  t.loop.since_tick = 4s;
  CHECK(t.next()["d"]["since_tick"] == 4);
}

TEST_CASE("details are asked for only while a process is attached") {
  Recorded t;
  t.loop.snapshot.services = {{.service = "gone"}};
  t.next();
  CHECK(t.loop.details_asked == 0);
  t.loop.snapshot.services = {{.service = "shop", .processes = 1}};
  t.loop.detail.processes = {{.service = "shop", .pid = 7}};
  t.loop.detail.workers = {WorkerDetail{.line = 3}};
  CHECK(t.next()["workers"][0]["w"] == 3);
  CHECK(t.loop.details_asked == 1);
}

TEST_CASE("a loop that stands still is not waited for") {
  Recorded t;
  t.loop.since_tick = 2s;
  t.next();
  CHECK(t.loop.patience_ms == 100);
  t.loop.since_tick = 2001ms;
  CHECK(t.next()["d"]["since_tick"] == 2.001);
  CHECK(t.loop.patience_ms == 0);
}

TEST_CASE("before the loop has shown anything there is no moment") {
  Recorded t;
  t.loop.snapshot.at = {};
  t.beat.strike();
  while (t.loop.patience_ms < 0) std::this_thread::yield();
  t.recorder.stop();
  CHECK(t.history.last() == 0);
}

TEST_CASE("each event is in one moment, what was no longer kept is counted") {
  Recorded t;
  t.happen(3);
  CHECK(t.next()["events"].size() == 3);
  CHECK_FALSE(t.next().contains("events"));
  t.happen(2);
  const json two = t.next()["events"];
  REQUIRE(two.size() == 2);
  CHECK(two[0]["n"] == 4);
  t.happen(EventLog::kKept);
  t.happen(10);
  // 10 are gone, of the newest it reads so many, and lists the first of them.
  const json moment = t.next();
  CHECK(moment["events"].size() == Moment::kMostOfServices);
  CHECK(moment["events_left_out"] == EventLog::kKept + 10 - Moment::kMostOfServices);
  CHECK_FALSE(t.next().contains("events"));
}

TEST_CASE("more events than are read for one moment are in the next") {
  Recorded t;
  t.happen(Recorder::kMostEvents + 5);
  CHECK(t.next()["events_left_out"] == Recorder::kMostEvents - Moment::kMostOfServices);
  CHECK(t.next()["events"].size() == 5);
}

TEST_CASE("a storm of tier changes between two beats hides no policy") {
  Recorded t;
  t.happen(1, PolicyChanged{.revision = 7});
  t.happen(EventLog::kKept / 2 - 2, TierChanged{});
  t.happen(1, PolicyChanged{.revision = 8});
  const json moment = t.next();
  REQUIRE(moment["events"].size() == Moment::kMostOfTasks + 2);
  CHECK(moment["events"].front()["revision"] == 7);
  CHECK(moment["events"].back()["revision"] == 8);
  // More than are kept: of those the newest are read, none of them twice.
  t.happen(EventLog::kKept, TierChanged{});
  t.happen(EventLog::kKept / 2 - 1, TierChanged{});
  t.happen(1, PolicyChanged{.revision = 9});
  CHECK(t.next()["events"].back()["revision"] == 9);
}

TEST_CASE("stopping ends the thread, also before the first beat and twice") {
  Recorded t;
  t.recorder.stop();
  t.recorder.stop();
  CHECK(t.history.last() == 0);
}

TEST_CASE("a steady beat comes at once, then waits, and ends when it is told to") {
  SteadyBeat beat;
  CHECK(beat.wait());
  std::thread other([&] { beat.end(); });
  while (beat.wait()) {
  }
  other.join();
  CHECK_FALSE(beat.wait());
}

}  // namespace
}  // namespace pulsed::history
