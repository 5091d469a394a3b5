// What words cost, behind one lock: a restock does as much work as a report and holds the lock for the
// middle quarter of it (some 5 ms), a price takes it for an instant.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "deploy/demo/report_work.h"

namespace pulsed::demo {

struct Quote {
  std::uint64_t cents = 0;
  std::uint64_t stock = 0;     // pieces of that word
  std::uint64_t revision = 0;  // restocks before
};

struct RestockResult {
  ReportResult report;
  std::uint64_t revision = 0;
};

// Thread-safe.
class PriceList {
 public:
  // Waits for a restock that holds the lock. The rarer a word the dearer.
  [[nodiscard]] Quote price(const std::string& word) const;

  // Counts and compresses `text` in `steps`, as a report, without ever giving the thread back. The lock
  // is a plain mutex on purpose: what services have.
  RestockResult restock(std::string_view text, std::uint32_t steps);

 private:
  mutable std::mutex mutex_;
  // Guarded by it:
  std::unordered_map<std::string, std::uint64_t> stock_;
  std::uint64_t revision_ = 0;
};

}  // namespace pulsed::demo
