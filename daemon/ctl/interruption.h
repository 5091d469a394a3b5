// SIGINT and SIGTERM while something is followed: the first ends it in good order, a second one at once.
#pragma once

#include <grpcpp/client_context.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace pulsed::ctl {

// One at a time in a process. Methods may be called from one thread beside its own.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  [[nodiscard]] bool happened() const { return happened_.load(); }
  // Sleeps so long, or until it happens. True: it happened.
  bool wait(std::chrono::milliseconds patience);

  // While it lives, an interruption cancels the call of `context`.
  class Cancels {
   public:
    Cancels(Interruption& interruption, grpc::ClientContext& context);
    ~Cancels();
    Cancels(const Cancels&) = delete;
    Cancels& operator=(const Cancels&) = delete;

   private:
    Interruption& interruption_;
  };

 private:
  void watch();
  void cancel_with(grpc::ClientContext* context);

  std::atomic<bool> happened_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  grpc::ClientContext* context_ = nullptr;
  std::thread thread_;
};

}  // namespace pulsed::ctl
