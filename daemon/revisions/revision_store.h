// The one source of policy: revisions, numbered, kept on disk, the newest in force.
//
// A thread of its own writes them (temporary file, fsync, rename, fsync of the directory), so neither the control loop nor
// a server's thread ever waits for a disk. A revision is on disk before anybody hears of it, and in force (handed to the
// loop) before whoever made it does. What cannot be stored changes nothing.
//
//   RevisionStore store(state_dir, [&](const RevisionPtr& r) { daemon.put_in_force(r); });
//   store.commit({.policy = p, .expected = 41, .author = ...}, [](RevisionStore::Outcome outcome) { ... });
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "daemon/policy/policy.h"

namespace pulsed::revisions {

struct Author {
  enum class Kind : std::uint8_t { kBuiltIn, kFile, kUid, kCertificate };
  Kind kind = Kind::kBuiltIn;
  std::uint32_t uid = 0;  // kUid
  std::string name;       // the file, or the certificate's common name
  friend bool operator==(const Author&, const Author&) = default;
};
[[nodiscard]] std::string text(const Author& author);  // "uid 1000", "file /etc/pulsed/policy.yaml"

struct Revision {
  std::uint64_t number = 0;  // counts up from 1 by 1
  policy::Policy policy;
  Author author;
  std::string comment;
  std::chrono::system_clock::time_point created;
  std::uint64_t rolled_back_to = 0;  // 0: it is no rollback
};
using RevisionPtr = std::shared_ptr<const Revision>;

// What a new revision is made of. Its policy holds: policy::contradiction has nothing against it.
struct Change {
  policy::Policy policy;
  Author author;
  std::string comment{};
  std::optional<std::uint64_t> expected{};  // the revision it was made from
  std::uint64_t rolled_back_to = 0;
};

enum class Refusal : std::uint8_t {
  kStale,      // another revision than `expected` is in force
  kNotStored,  // the disk refused; `why` says how
  kStopping,
};
struct Refused {
  Refusal refusal;
  std::string why;  // for people
};

// Thread-safe.
class RevisionStore {
 public:
  static constexpr std::size_t kKept = 100;
  static constexpr std::size_t kMostWaiting = 1024;  // commits; further ones are kNotStored
  using Outcome = std::variant<RevisionPtr, Refused>;
  // Called on the store's thread, in the order of the revisions; also, by start(), for the one in force at the start.
  using PutInForce = std::function<void(const RevisionPtr&)>;

  // Reads what is kept in `state_dir`, which the store makes (mode 0700) and locks. What cannot be read or written does not
  // keep the daemon from starting: the store then lives in memory, refuses every commit but those of files, and says why.
  // Throws std::runtime_error if another pulsed holds the directory.
  RevisionStore(std::filesystem::path state_dir, PutInForce put_in_force);
  ~RevisionStore();  // ends the thread, after what waits
  RevisionStore(const RevisionStore&) = delete;
  RevisionStore& operator=(const RevisionStore&) = delete;

  // What policy.yaml says (none: there is no such file). A new revision, if its policy differs from the one last imported;
  // else the newest revision stays. Waits for the disk. `author` names the file.
  [[nodiscard]] Outcome import(const std::optional<policy::Policy>& file, const Author& author);

  // `done` is called once, on the store's thread, after the revision is on disk and in force, or was refused. A policy equal to
  // the one in force is a revision too. A change with `rolled_back_to` says what it restores.
  void commit(Change change, std::function<void(Outcome)> done);

  [[nodiscard]] RevisionPtr current() const;                   // never null
  [[nodiscard]] RevisionPtr find(std::uint64_t number) const;  // null: not kept
  // Kept ones below `before` (0: all), newest first, at most `most`.
  [[nodiscard]] std::vector<RevisionPtr> list(std::uint64_t before, std::size_t most) const;
  // Waits until another revision than `number` is in force, at most `patience`. False: it is not.
  bool wait(std::uint64_t number, std::chrono::milliseconds patience) const;

  // Why revisions are in memory only; empty: they are on disk.
  [[nodiscard]] std::string not_durable() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The lines in which the policy.yaml of two policies differ, in unified format; empty: in none.
[[nodiscard]] std::string diff(const policy::Policy& from, const policy::Policy& to,
                               const std::string& from_name, const std::string& to_name);

}  // namespace pulsed::revisions
