// What the daemon's process uses of the machine, as Prometheus' own clients show it.
#pragma once

#include <chrono>
#include <cstdint>

namespace pulsed::metrics {

struct ProcessUse {
  std::chrono::microseconds cpu{};  // user and system, of all threads that were or are
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t most_descriptors = 0;
};

// Of this process, now; 0 where the kernel does not say. Reads /proc: some 0.1 ms, more with thousands of descriptors.
[[nodiscard]] ProcessUse process_use();

}  // namespace pulsed::metrics
