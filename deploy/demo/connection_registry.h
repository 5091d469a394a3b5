// Which connections are open, and until when each may stay silent.
//
// One timer for all of them instead of two timer operations for every request. A connection that is
// late has its socket shut down, by which the read or write it waits for ends, on its own task and
// thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>

namespace pulsed::demo {

using Clock = std::chrono::steady_clock;

class ConnectionRegistry {
 public:
  // One open socket; removes itself. The registry outlives it, and the socket is closed after it.
  class Entry {
   public:
    Entry(ConnectionRegistry& registry, int fd);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    // The peer must act before `timeout` has passed.
    void expect_within(std::chrono::milliseconds timeout);
    // Nothing is expected of the peer while its request is worked on.
    void expect_nothing();

   private:
    friend class ConnectionRegistry;
    ConnectionRegistry& registry_;
    const int fd_;
    // Written by the connection, read by the sweep: one value, ordering nothing.
    std::atomic<Clock::rep> deadline_{Clock::time_point::max().time_since_epoch().count()};
    std::list<Entry*>::iterator position_;  // guarded by the registry
  };

  [[nodiscard]] std::size_t size() const;
  void shut_down_expired(Clock::time_point now);
  // No further request is read; what is in work is still answered.
  void stop_reading();

 private:
  mutable std::mutex
      mutex_;  // an entry leaves under it, so no closed (and reused) descriptor is ever shut down
  std::list<Entry*> entries_;
};

}  // namespace pulsed::demo
