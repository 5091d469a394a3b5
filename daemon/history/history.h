// The last minutes, kept for whoever comes to look: moments as they are sent, each written once and shared by all watchers.
//
// One thread appends, any number read; a watcher is no more than the number of the moment that it wants next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace pulsed::history {

// Thread-safe.
class History {
 public:
  struct Limits {
    std::size_t moments = 600;                  // 5 minutes
    std::size_t bytes = std::size_t{16} << 20;  // of their texts; the newest is kept at any rate
  };
  // One moment as a server-sent event: id, event and data.
  using Text = std::shared_ptr<const std::string>;

  History() : History(Limits{}) {}
  explicit History(Limits limits);

  // A moment, as one line of JSON. The oldest make room. The recorder alone.
  void append(std::string_view json);
  // Called on the recorder's thread after each append; nothing: nobody is. Waits for a call that is under way.
  void on_append(std::function<void()> call);

  // What ids begin with: differs from one run of the daemon to the next.
  [[nodiscard]] const std::string& epoch() const { return epoch_; }
  [[nodiscard]] std::uint64_t last() const;  // number of the newest; 0: none yet

  // The number from which on a watcher wants moments that says what it saw last, in a Last-Event-ID header: the next one,
  // else all that are kept.
  [[nodiscard]] std::uint64_t wanted_after(std::string_view last_event_id) const;

  struct Found {
    std::vector<Text> texts;
    bool lost = false;  // what was asked for is no longer kept
  };
  // Up to `most` moments from that number on; none: it is yet to come.
  [[nodiscard]] Found from(std::uint64_t number, std::size_t most) const;

 private:
  [[nodiscard]] std::uint64_t first() const { return last_ + 1 - texts_.size(); }

  const Limits limits_;
  const std::string epoch_;
  mutable std::mutex mutex_;
  std::deque<Text> texts_;  // the last of them has the number last_
  std::uint64_t last_ = 0;
  std::size_t bytes_ = 0;
  std::mutex call_mutex_;
  std::function<void()> call_;
};

}  // namespace pulsed::history
