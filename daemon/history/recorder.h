// Writes the history: at every beat a thread of its own takes a snapshot, details and what happened, and appends the moment
// that they make.
//
//   history::Recorder recorder({daemon, daemon, daemon.events(), is_ready}, history, beat);
//   recorder.start();
//   ...
//   recorder.stop();
//
// Asks the control loop for no more than any scrape does; where nothing is attached not even for details. A beat at which
// the loop has no newer picture than the last one makes no moment: pictures of very much are fewer.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "daemon/details.h"
#include "daemon/event_log.h"
#include "daemon/history/beat.h"
#include "daemon/history/differences.h"
#include "daemon/history/history.h"
#include "daemon/snapshot.h"

namespace pulsed::history {

struct Sources {
  SnapshotSource& snapshots;
  DetailsSource& details;
  const EventLog& events;
  std::function<bool()> ready;              // called on the recorder's thread
  std::chrono::milliseconds patience{100};  // what each question to the loop may take
};

// start, stop and the destructor belong to one thread. What is passed outlives it.
class Recorder {
 public:
  // Events that are read for one moment; further ones are the next one's, unless the log no longer has them then. Not all
  // that it keeps: while they are read it goes on.
  static constexpr std::size_t kMostEvents = EventLog::kKept / 2;

  Recorder(Sources sources, History& history, Beat& beat);
  ~Recorder();  // stops
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // At ordinary priority, with all signals blocked. Throws std::system_error if there can be no thread.
  void start();
  // Returns when the thread has ended: within the patience for two questions. Does nothing if not started.
  void stop();

 private:
  void run();
  // Nothing: there is nothing new to look at.
  [[nodiscard]] std::optional<Look> look();
  void take_events(Look& look);

  Sources sources_;
  History& history_;
  Beat& beat_;
  Differences differences_;
  std::shared_ptr<const Snapshot> last_;
  std::uint64_t last_event_ = 0;
  std::thread thread_;
};

}  // namespace pulsed::history
