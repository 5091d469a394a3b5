// Where calls wait for a picture from the control loop: one thread asks it, for all that wait at that moment, so that no
// thread of gRPC ever waits and any number of readers cost the loop one picture.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "daemon/details.h"
#include "daemon/snapshot.h"

namespace pulsed::rpc {

struct Picture {
  std::shared_ptr<const Snapshot> snapshot;  // null: it was not asked for, or the desk is closing
  std::shared_ptr<const Details> details;    // the same
};

// `ask` is thread-safe; start, stop and the destructor belong to one thread.
class ReadingDesk {
 public:
  enum class Need : std::uint8_t { kSnapshot = 1, kDetails = 2, kBoth = 3 };
  using Use = std::function<void(const Picture&)>;
  static constexpr std::size_t kMostWaiting = 1024;

  ReadingDesk(SnapshotSource& snapshots, DetailsSource& details, std::chrono::milliseconds patience)
      : snapshots_(snapshots), details_(details), patience_(patience) {}
  ~ReadingDesk() { stop(); }
  ReadingDesk(const ReadingDesk&) = delete;
  ReadingDesk& operator=(const ReadingDesk&) = delete;

  void start();
  // Who still waits gets an empty picture, and so does everybody later.
  void stop();

  // `use` is called once, on the desk's thread. False: too many wait, and it is not called.
  [[nodiscard]] bool ask(Need need, Use use);

 private:
  struct Waiting {
    Need need;
    Use use;
  };
  void run();
  [[nodiscard]] Picture picture_for(const std::vector<Waiting>& batch);

  SnapshotSource& snapshots_;
  DetailsSource& details_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiting> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pulsed::rpc
