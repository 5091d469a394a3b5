// What one task did over its budget within its class's window, in the window's sub-buckets.
//
// Stamps number the sub-buckets of the task's class; every call takes the running one. Counts for
// promotion start anew at each change of tier; what the task burned for its class stays, as the
// class is judged by its whole window.
#pragma once

#include <array>
#include <cstdint>

#include "daemon/policy/sliding_count.h"

namespace pulsed::policy {

struct Offense {
  bool violation = false;
  bool slow = false;
  Duration excess{};
};

class OffenseWindow {
 public:
  using Counts = std::array<std::uint16_t, kSubBuckets>;
  using Durations = std::array<Duration, kSubBuckets>;

  void open(std::uint32_t stamp);
  void advance(std::uint32_t stamp);
  void add(const Offense& offense, std::uint32_t stamp);

  void start_anew();  // a new tier: nothing counts for promotion
  void forgive();     // violations and slow polls; never the CPU time burned

  // The task goes over to another class, whose running sub-bucket is `to`. Ages stay, the old class
  // keeps its share.
  void move(std::uint32_t from, std::uint32_t to);

  [[nodiscard]] std::uint32_t violations() const { return violations_; }
  [[nodiscard]] std::uint32_t slow_polls() const { return slow_polls_; }
  [[nodiscard]] Duration excess() const { return excess_; }
  [[nodiscard]] bool empty(std::uint32_t stamp) const { return stamp - newest_ >= kSubBuckets; }

  // By sub-bucket, for the class.
  [[nodiscard]] const Counts& violation_counts() const { return violation_counts_; }
  [[nodiscard]] const Counts& slow_counts() const { return slow_counts_; }
  [[nodiscard]] const Durations& burned() const { return burned_; }

  // The stamp under which the class counts this task as a violator; ClassStanding writes it. 0:
  // never.
  std::uint32_t violator_stamp = 0;

 private:
  std::uint32_t latest_ = 0;  // the sub-bucket last advanced to
  std::uint32_t newest_ = 0;  // the sub-bucket of the newest offense
  std::uint32_t violations_ = 0;
  std::uint32_t slow_polls_ = 0;
  Duration excess_{};
  Counts violation_counts_{};
  Counts slow_counts_{};
  Durations excess_by_bucket_{};
  Durations burned_{};
};

}  // namespace pulsed::policy
