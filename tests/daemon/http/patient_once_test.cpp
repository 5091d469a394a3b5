#include "daemon/http/patient_once.h"

#include <doctest/doctest.h>

#include <vector>

namespace pulsed::http {
namespace {

using namespace std::chrono_literals;

struct Loop final : SnapshotSource {
  std::shared_ptr<const Snapshot> fresh(std::chrono::milliseconds patience) override {
    asked.push_back(patience);
    return latest;
  }
  [[nodiscard]] std::chrono::milliseconds since_last_tick() const override { return 7ms; }

  std::shared_ptr<const Snapshot> latest = std::make_shared<const Snapshot>();
  std::vector<std::chrono::milliseconds> asked;
};

}  // namespace

TEST_CASE("while no newer snapshot comes one question waits in vain, and no other") {
  Loop loop;
  PatientOnce source(loop);
  for (int scrape = 0; scrape < 4; ++scrape) CHECK(source.fresh(100ms) == loop.latest);
  CHECK(loop.asked == std::vector<std::chrono::milliseconds>{100ms, 100ms, 0ms, 0ms});
  loop.latest = std::make_shared<const Snapshot>();
  CHECK(source.fresh(100ms) == loop.latest);
  source.fresh(100ms);
  CHECK(loop.asked.back() == 100ms);
  CHECK(source.since_last_tick() == 7ms);
}

}  // namespace pulsed::http
