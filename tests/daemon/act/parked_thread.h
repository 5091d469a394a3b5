// A thread of the test's own that stands still, for its priority to be set.
#pragma once

#include <unistd.h>

#include <future>
#include <thread>

#include "daemon/act/demotion_ledger.h"
#include "daemon/act/thread_priority.h"
#include "daemon/clocks/peer_thread.h"
#include "daemon/clocks/thread_stat.h"

namespace pulsed::test {

class ParkedThread {
 public:
  ParkedThread() {
    std::promise<pid_t> tid;
    std::future<pid_t> known = tid.get_future();
    thread_ = std::thread([this, &tid] {
      tid.set_value(::gettid());
      end_.get_future().wait();
    });
    peer_ = {::getpid(), known.get(), 0};
    peer_.start_time = clocks::read_thread_stat(peer_.pid, peer_.tid)->start_time;
  }
  ~ParkedThread() { end(); }
  ParkedThread(const ParkedThread&) = delete;
  ParkedThread& operator=(const ParkedThread&) = delete;

  void end() {
    if (!thread_.joinable()) return;
    end_.set_value();
    thread_.join();
  }
  [[nodiscard]] const clocks::PeerThread& peer() const { return peer_; }
  [[nodiscard]] act::SchedAttr priority() const { return *act::read_priority(peer_.tid); }
  void set(const act::SchedAttr& priority) const { (void)act::write_priority(peer_.tid, priority); }
  void set_nice(int nice) const {
    act::SchedAttr now = priority();
    now.nice = nice;
    set(now);
  }

  // An entry that lowers it to nice 13 from where it is.
  [[nodiscard]] act::DemotedThread demotion() const {
    const act::SchedAttr before = priority();
    return {peer_, before, *act::lowered(before, {false, 13}), clocks::boot_ticks_now()};
  }

 private:
  clocks::PeerThread peer_{};
  std::promise<void> end_;
  std::thread thread_;
};

}  // namespace pulsed::test
