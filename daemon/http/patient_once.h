// Snapshots for a thread that has other clients to serve: while the control loop is slow, or rests from building them, one
// of its questions waits in vain, and the others are answered at once with what that one got. One thread's.
#pragma once

#include <chrono>
#include <memory>

#include "daemon/snapshot.h"

namespace pulsed::http {

class PatientOnce final : public SnapshotSource {
 public:
  explicit PatientOnce(SnapshotSource& source) : source_(source) {}

  std::shared_ptr<const Snapshot> fresh(std::chrono::milliseconds patience) override {
    auto got = source_.fresh(in_vain_ ? patience.zero() : patience);
    in_vain_ = got == last_;
    last_ = got;
    return got;
  }
  [[nodiscard]] std::chrono::milliseconds since_last_tick() const override {
    return source_.since_last_tick();
  }

 private:
  SnapshotSource& source_;
  std::shared_ptr<const Snapshot> last_;
  bool in_vain_ = false;
};

}  // namespace pulsed::http
