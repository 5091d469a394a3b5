// Wakes watches when there may be something for them: one thread waits where the news come from, for all of them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>

namespace pulsed::rpc {

// What is woken. Both may be called by any thread.
class Sleeper {
 public:
  virtual ~Sleeper() = default;
  virtual bool wake() = 0;   // false: it needs to be woken no more
  virtual void close() = 0;  // the server stops
};

// add is thread-safe; the rest belongs to one thread.
class WatchBell {
 public:
  // Waits for news, at most that long.
  using Wait = std::function<void(std::chrono::milliseconds)>;

  // Also without news all are woken after `kLongest`, for what depends on the time.
  static constexpr std::chrono::milliseconds kLongest{200};

  WatchBell(std::string thread_name, Wait wait)
      : thread_name_(std::move(thread_name)), wait_(std::move(wait)) {}
  ~WatchBell() { stop(); }
  WatchBell(const WatchBell&) = delete;
  WatchBell& operator=(const WatchBell&) = delete;

  void start();
  // Closes all there are, and those that are added later at once.
  void close();
  // After close: nobody is woken any more. Waits for the thread, at most kLongest.
  void stop();

  // Wakes it at once, and with news.
  void add(const std::shared_ptr<Sleeper>& sleeper);

 private:
  using Sleepers = std::unordered_set<std::shared_ptr<Sleeper>>;
  [[nodiscard]] Sleepers all();
  void remove(const std::shared_ptr<Sleeper>& sleeper);
  void run();

  const std::string thread_name_;
  const Wait wait_;
  std::mutex mutex_;
  Sleepers sleepers_;
  bool closed_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pulsed::rpc
