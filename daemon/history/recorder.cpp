#include "daemon/history/recorder.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "daemon/history/moment_json.h"
#include "daemon/ordinary_thread.h"

namespace pulsed::history {
namespace {

bool anyone_attached(const Snapshot& snapshot) {
  return std::any_of(snapshot.services.begin(), snapshot.services.end(),
                     [](const ServiceSnapshot& s) { return s.processes != 0; });
}

}  // namespace

Recorder::Recorder(Sources sources, History& history, Beat& beat)
    : sources_(std::move(sources)), history_(history), beat_(beat) {}

Recorder::~Recorder() { stop(); }

void Recorder::start() {
  thread_ = start_ordinary_thread("pulsed-history", [this] { run(); });
}

void Recorder::stop() {
  if (!thread_.joinable()) return;
  beat_.end();
  thread_.join();
}

void Recorder::run() {
  while (beat_.wait()) {
    try {
      if (auto now = look()) history_.append(to_json(differences_.next(std::move(*now))));
    } catch (const std::exception&) {
      // Out of memory, say: this moment is missing, what it counted is part of the next.
    }
  }
}

std::optional<Look> Recorder::look() {
  Look look;
  look.since_tick = sources_.snapshots.since_last_tick();
  const bool ticks = look.since_tick <= SnapshotSource::kHealthyTick;
  const auto patience = ticks ? sources_.patience : std::chrono::milliseconds{0};
  look.snapshot = sources_.snapshots.fresh(patience);
  // Before the control loop has ticked there is nothing to show, and nothing new while it ticks and rests from building.
  if (look.snapshot->at == std::chrono::nanoseconds{}) return std::nullopt;
  if (ticks && look.snapshot == last_) return std::nullopt;
  last_ = look.snapshot;
  look.details = anyone_attached(*look.snapshot) ? sources_.details.workers(patience)
                                                 : std::make_shared<const Details>();
  look.ready = sources_.ready();
  take_events(look);
  look.at = beat_.now();
  return look;
}

void Recorder::take_events(Look& look) {
  auto events = sources_.events.after(last_event_, kMostEvents);
  if (!events) {
    const std::uint64_t last = sources_.events.last();
    const std::uint64_t kept = last - std::min<std::uint64_t>(last, kMostEvents);
    look.events_lost = kept - std::min(kept, last_event_);
    last_event_ = kept;
    events = sources_.events.after(last_event_, kMostEvents);
  }
  if (!events || events->empty()) return;
  last_event_ = events->back().sequence;
  look.events = std::move(*events);
}

}  // namespace pulsed::history
