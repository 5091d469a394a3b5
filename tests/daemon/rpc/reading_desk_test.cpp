#include "daemon/rpc/reading_desk.h"

#include <doctest/doctest.h>

#include <future>

namespace pulsed::rpc {
namespace {

using namespace std::chrono_literals;

// A control loop that ticked when the test says.
struct Loop final : SnapshotSource, DetailsSource {
  explicit Loop(std::chrono::milliseconds ago) : since(ago) {}
  std::shared_ptr<const Snapshot> fresh(std::chrono::milliseconds patience) override {
    snapshot_patience = patience;
    return std::make_shared<const Snapshot>();
  }
  std::shared_ptr<const Details> workers(std::chrono::milliseconds patience) override {
    return details(patience);
  }
  std::shared_ptr<const Details> details(std::chrono::milliseconds patience) override {
    details_patience = patience;
    return std::make_shared<const Details>();
  }
  std::chrono::milliseconds since_last_tick() const override { return since; }

  const std::chrono::milliseconds since;
  std::chrono::milliseconds snapshot_patience{-1};
  std::chrono::milliseconds details_patience{-1};
};

// Asks for both, and returns when it has them.
void ask(Loop& loop) {
  std::promise<bool> had;  // outlives the desk's thread
  ReadingDesk desk(loop, loop, 100ms);
  desk.start();
  REQUIRE(desk.ask(ReadingDesk::Need::kBoth, [&](const Picture& picture) {
    had.set_value(picture.snapshot && picture.details);
  }));
  CHECK(had.get_future().get());
}

TEST_CASE("a loop that ticks is waited for, and one that stands still is not") {
  Loop ticks(2000ms);
  ask(ticks);
  CHECK(ticks.snapshot_patience == 100ms);
  CHECK(ticks.details_patience == 100ms);
  Loop stands(2001ms);
  ask(stands);
  CHECK(stands.snapshot_patience == 0ms);
  CHECK(stands.details_patience == 0ms);
}

}  // namespace
}  // namespace pulsed::rpc
