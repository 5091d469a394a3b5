// Where each region of a segment lies, computed from its dimensions, and the check of a header that a peer wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "shared_memory/abi.h"

namespace pulsed::shm {

enum class Side { kService, kDaemon };  // segment S, segment D

struct Dimensions {
  std::uint32_t workers = PULSED_DEFAULT_WORKERS;
  std::uint32_t ring_samples = PULSED_DEFAULT_RING;
  std::uint32_t tasks = PULSED_DEFAULT_TASKS;
  std::uint32_t classes = PULSED_DEFAULT_CLASSES;
  friend bool operator==(const Dimensions&, const Dimensions&) = default;
};

// What is wrong with them, for people ("workers: 5000 is not in [1, 4096]"), or nothing.
[[nodiscard]] std::optional<std::string> out_of_range(const Dimensions& d);

struct ClockInfo {
  std::uint32_t kind;  // enum pulsed_clock_kind
  std::uint64_t ticks_per_second;
};

// A complete header but for the magic, which its writer stores last.
[[nodiscard]] pulsed_segment_header make_header(Side side, const Dimensions& d, ClockInfo clock,
                                                std::uint64_t attachment);

// What is wrong with a private copy of a peer's header for a segment of `bytes`, or nothing. A header of a newer minor with
// further regions passes; one whose known regions are smaller than `d` needs, overlap, or leave the segment does not.
[[nodiscard]] std::optional<std::string> reject(Side side, const pulsed_segment_header& header,
                                                std::uint64_t bytes, const Dimensions& d);

// The regions of S and D at their addresses. Sizes are in `dimensions`; who may write is in abi.h.
struct ServiceRegions {
  pulsed_service_line* service;
  pulsed_worker_line* lines;
  pulsed_sample* rings;  // worker w's ring begins at w * ring_samples
  std::uint64_t* usage;
  std::uint32_t* identity;
  pulsed_class_totals* totals;  // worker w's row begins at w * classes
  pulsed_class_record* classes;
};
struct DaemonRegions {
  pulsed_daemon_line* daemon;
  std::uint64_t* reads;
  pulsed_worker_word* workers;
  std::uint32_t* tasks;
  std::uint32_t* classes;
};
[[nodiscard]] ServiceRegions service_regions(std::byte* base, const pulsed_segment_header& h);
[[nodiscard]] DaemonRegions daemon_regions(std::byte* base, const pulsed_segment_header& h);

}  // namespace pulsed::shm
