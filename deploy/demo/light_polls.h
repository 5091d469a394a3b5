// Did a light poll ever run at another OS priority than the service was started with? The daemon lowers
// threads that a hog holds, and must never do it to anybody else: this is the service's own count of it.
#pragma once

#include <atomic>
#include <cstdint>

namespace pulsed::demo {

// What the kernel says of the calling thread.
struct OsPriority {
  std::uint32_t policy = 0;
  std::uint32_t realtime = 0;
  std::int32_t nice = 0;
  std::uint64_t flags = 0;  // RESET_ON_FORK among them, which only a demotion sets here
  friend bool operator==(const OsPriority&, const OsPriority&) = default;
};
[[nodiscard]] OsPriority own_os_priority();  // one system call

// Thread-safe.
class LightPolls {
 public:
  // What the thread that makes it runs at is what all light polls should run at.
  LightPolls() : ordinary_(own_os_priority()) {}

  // The light part of a poll: looks when it begins and when it ends.
  class Scope {
   public:
    // `isolated`: the daemon moved this task to the isolation pool, whose threads are lowered for good.
    Scope(LightPolls& polls, bool isolated)
        : polls_(polls), isolated_(isolated), lowered_(polls.lowered_here()) {}
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    LightPolls& polls_;
    const bool isolated_;
    const bool lowered_;
  };

  // On a thread whose priority was another at either end, their task not being isolated: demoted for
  // somebody else, or of the isolation pool.
  [[nodiscard]] std::uint64_t demoted() const { return demoted_.load(std::memory_order_relaxed); }
  // Those of them that began so: lowered for somebody else, as a poll that has just begun gives no cause.
  [[nodiscard]] std::uint64_t begun_demoted() const {
    return begun_demoted_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t isolated() const { return isolated_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] bool lowered_here() const { return own_os_priority() != ordinary_; }

  const OsPriority ordinary_;
  std::atomic<std::uint64_t> demoted_{0};
  std::atomic<std::uint64_t> begun_demoted_{0};
  std::atomic<std::uint64_t> isolated_{0};
};

}  // namespace pulsed::demo
