// Makes revisions: stores each, puts it in force, keeps it. One thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "daemon/revisions/kept_revisions.h"
#include "daemon/revisions/revision_file.h"
#include "daemon/revisions/revision_store.h"
#include "daemon/revisions/state_directory.h"

namespace pulsed::revisions {

class Recorder {
 public:
  using Outcome = RevisionStore::Outcome;

  // Reads what the directory holds into `kept`.
  Recorder(const std::filesystem::path& state_dir, Log log, Disk& disk, KeptRevisions& kept);

  // As RevisionStore has them.
  Outcome import(const std::optional<policy::Policy>& file, const Author& author);
  void start(RevisionStore::PutInForce put_in_force);
  Outcome commit(Change change);
  [[nodiscard]] std::string not_durable() const;             // any thread
  [[nodiscard]] std::uint64_t store_failures() const {       // any thread
    return store_failures_.load(std::memory_order_relaxed);  // a statistic
  }

 private:
  void load();
  struct Loaded {
    std::optional<StoredRevision> revision;
    WhyNot unknown;  // what it says; it may be whole
  };
  Loaded load(std::uint64_t number);
  [[nodiscard]] bool is_new(const policy::Policy& file) const;
  void say_it_stays(const Author& author);
  Outcome record(Change change, bool from_file);
  WhyNot store(StoredRevision& stored);
  void become_durable();
  void live_in_memory(const std::string& why);
  void remove_oldest();
  void say(Gravity gravity, const std::string& line) const;

  Log log_;
  KeptRevisions& kept_;
  StateDirectory directory_;
  std::deque<std::uint64_t> on_disk_;  // ascending
  std::uint64_t highest_ = 0;          // number ever used
  std::optional<Imported> imported_;
  RevisionStore::PutInForce put_in_force_;  // empty: not started yet
  std::string said_;                        // the last reason why nothing could be removed

  std::atomic<std::uint64_t> store_failures_{0};
  mutable std::mutex mutex_;
  std::string not_durable_;
};

}  // namespace pulsed::revisions
