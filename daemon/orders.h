// What other threads want of the control loop, until it takes it. The latest of each kind counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "daemon/config/config.h"
#include "daemon/policy/policy.h"

namespace pulsed {

class Orders {
 public:
  struct NewPolicy {
    policy::Policy policy;
    std::uint64_t revision;
  };
  struct Taken {
    std::unique_ptr<config::Config> config;  // null: none
    std::unique_ptr<NewPolicy> policy;       // null: none
  };

  void put(const config::Config& config) {
    put(taken_.config, std::make_unique<config::Config>(config));
  }
  void put(policy::Policy policy, std::uint64_t revision) {
    put(taken_.policy, std::make_unique<NewPolicy>(NewPolicy{std::move(policy), revision}));
  }

  // The loop waits for no thread of a lower priority: what it cannot have now it takes in the next tick.
  [[nodiscard]] Taken take() {
    // acquire: pairs with put(), so that the lock finds what was put.
    if (!waiting_.load(std::memory_order_acquire)) return {};
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return {};
    waiting_.store(false, std::memory_order_relaxed);
    return std::exchange(taken_, {});
  }

 private:
  // What is replaced is freed after the lock, by whoever replaced it.
  template <typename T>
  void put(std::unique_ptr<T>& place, std::unique_ptr<T> order) {
    const std::lock_guard lock(mutex_);
    place.swap(order);
    waiting_.store(true, std::memory_order_release);  // pairs with take()
  }

  std::mutex mutex_;
  std::atomic<bool> waiting_{false};
  Taken taken_;
};

}  // namespace pulsed
