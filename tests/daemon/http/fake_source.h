// A control loop that stands where the test puts it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "daemon/snapshot.h"

namespace pulsed::http {

class FakeSource final : public SnapshotSource {
 public:
  explicit FakeSource(Snapshot snapshot = {})
      : snapshot_(std::make_shared<const Snapshot>(std::move(snapshot))) {}

  std::shared_ptr<const Snapshot> fresh(std::chrono::milliseconds patience) override {
    patience_ms = patience.count();
    return snapshot_;
  }
  std::chrono::milliseconds since_last_tick() const override {
    return std::chrono::milliseconds{since_last_tick_ms};
  }

  std::atomic<std::int64_t> since_last_tick_ms{0};
  std::atomic<std::int64_t> patience_ms{-1};  // of the last call

 private:
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace pulsed::http
