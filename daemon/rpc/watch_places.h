// How many watches there may be, in all and of one caller. A part is kept for those who may change things, so that readers
// cannot keep them from looking.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "daemon/rpc/caller.h"

namespace pulsed::rpc {

// Thread-safe. Places given are given back by their destructors, and keep what they need of this alive.
class WatchPlaces {
 public:
  using Place = std::shared_ptr<void>;

  WatchPlaces(std::uint32_t in_all, std::uint32_t of_one)
      : counts_(std::make_shared<Counts>()), in_all_(in_all), of_one_(of_one) {}

  // Null: there is none left.
  [[nodiscard]] Place take(const Caller& caller) {
    const std::uint32_t most = caller.may_change ? in_all_ : in_all_ - in_all_ / 4;
    const std::lock_guard lock(counts_->mutex);
    std::uint32_t& own = counts_->of[caller.who];
    if (counts_->all >= most || own >= of_one_) {
      if (own == 0) counts_->of.erase(caller.who);
      return nullptr;
    }
    ++counts_->all;
    ++own;
    return {counts_.get(),
            [counts = counts_, who = caller.who](const void*) { give_back(*counts, who); }};
  }

 private:
  struct Counts {
    std::mutex mutex;
    std::uint32_t all = 0;
    std::map<std::string, std::uint32_t> of;
  };

  static void give_back(Counts& counts, const std::string& who) {
    const std::lock_guard lock(counts.mutex);
    --counts.all;
    const auto own = counts.of.find(who);
    if (--own->second == 0) counts.of.erase(own);
  }

  std::shared_ptr<Counts> counts_;
  const std::uint32_t in_all_;
  const std::uint32_t of_one_;
};

}  // namespace pulsed::rpc
