// How much there may be of something, in all and of one caller. A part is kept for those who may change things, so that
// readers cannot keep them from looking.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "daemon/rpc/caller.h"

namespace pulsed::rpc {

// Thread-safe. What was taken is given back by its destructor, and keeps what it needs of this alive.
class Allowance {
 public:
  using Taken = std::shared_ptr<void>;

  Allowance(std::uint64_t in_all, std::uint64_t of_one)
      : counts_(std::make_shared<Counts>()), in_all_(in_all), of_one_(of_one) {}

  // Null: there is too little left. Who has none yet gets more than is due to one caller, too.
  [[nodiscard]] Taken take(const Caller& caller, std::uint64_t amount) {
    const std::lock_guard lock(counts_->mutex);
    if (!has_left(caller, amount)) return nullptr;
    counts_->all += amount;
    counts_->of[caller.who] += amount;
    return {counts_.get(), [counts = counts_, who = caller.who, amount](const void*) {
              give_back(*counts, who, amount);
            }};
  }

  // Whether there was any left for the caller a moment ago.
  [[nodiscard]] bool has_left(const Caller& caller) const {
    const std::lock_guard lock(counts_->mutex);
    return has_left(caller, 1);
  }

 private:
  struct Counts {
    std::mutex mutex;
    std::uint64_t all = 0;
    std::map<std::string, std::uint64_t> of;
  };

  [[nodiscard]] bool has_left(const Caller& caller, std::uint64_t amount) const {
    const std::uint64_t most = caller.may_change ? in_all_ : in_all_ - in_all_ / 4;
    if (counts_->all + amount > most) return false;
    const auto own = counts_->of.find(caller.who);
    return own == counts_->of.end() || own->second + amount <= of_one_;
  }

  static void give_back(Counts& counts, const std::string& who, std::uint64_t amount) {
    const std::lock_guard lock(counts.mutex);
    counts.all -= amount;
    const auto own = counts.of.find(who);
    own->second -= amount;
    if (own->second == 0) counts.of.erase(own);
  }

  std::shared_ptr<Counts> counts_;
  const std::uint64_t in_all_;
  const std::uint64_t of_one_;
};

}  // namespace pulsed::rpc
