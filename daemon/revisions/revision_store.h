// The one source of policy: revisions, numbered, kept on disk, the newest in force.
//
// A thread of its own writes them (temporary file, fsync, rename, fsync of the directory), so neither the control loop nor
// a server's thread ever waits for a disk. A revision is on disk before anybody hears of it, and in force (handed to the
// loop) before whoever made it does. What cannot be stored changes nothing.
//
//   RevisionStore store(state_dir, log);
//   store.import(policy_of_the_file, {.kind = Author::Kind::kFile, .name = "/etc/pulsed/policy.yaml"});
//   Daemon daemon(config, store.current()->policy, store.current()->number, ...);
//   store.start([&](const RevisionPtr& r) { daemon.put_in_force(r->policy, r->number); });
//   store.commit({.policy = p, .author = ..., .expected = 41}, [](RevisionStore::Outcome outcome) { ... });
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/policy/policy.h"

namespace pulsed::revisions {

class Disk;

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

// What there is to say to people, on the store's thread or the caller's.
enum class Gravity : std::uint8_t { kInfo, kWarning, kError };
using Log = std::function<void(Gravity, const std::string&)>;

// Thread-safe.
class RevisionStore {
 public:
  static constexpr std::size_t kKept = 100;
  static constexpr std::size_t kMostWaiting = 1024;  // commits; further ones are kNotStored
  using Outcome = std::variant<RevisionPtr, Refused>;
  // Called on the store's thread, in the order of the revisions.
  using PutInForce = std::function<void(const RevisionPtr&)>;

  // Reads what is kept in `state_dir`, which the store makes (mode 0700) and locks. The newest that reads is in force; one
  // that is torn is set aside. A directory that cannot be read or written, or whose newest revision is of a pulsed that
  // writes what this one does not understand, does not keep the daemon from starting: the store then lives in memory,
  // changes nothing on disk, refuses every commit but those of files, and says why. `disk`, if given, must outlive the
  // store.
  // Throws std::runtime_error if another pulsed holds the directory.
  explicit RevisionStore(const std::filesystem::path& state_dir, Log log = {},
                         Disk* disk = nullptr);
  ~RevisionStore();  // stops it
  RevisionStore(const RevisionStore&) = delete;
  RevisionStore& operator=(const RevisionStore&) = delete;

  // What policy.yaml says (none: there is no such file, which makes the built-in policy a revision if there is no other).
  // A new revision, if its policy differs from the one last imported; else the newest revision stays. Waits for the disk.
  // `author` names the file. Before start(), a file is in force even if it cannot be stored.
  [[nodiscard]] Outcome import(const std::optional<policy::Policy>& file, const Author& author);

  // From here on new revisions are put in force that way; the present one is the caller's to take from current(), before
  // anything commits. Waits for what was being made.
  void start(PutInForce put_in_force);
  // After what waits; further changes are kStopping, and `put_in_force` is not called any more.
  void stop();

  // `done` is called once: on the store's thread, after the revision is on disk and in force or was refused, or at once if the
  // store stops or too many wait. A policy equal to the one in force is a revision too. A change with `rolled_back_to` says
  // what it restores.
  void commit(Change change, std::function<void(Outcome)> done);

  // Never null. Number 0, the built-in policy: nothing was stored, and import() not called yet.
  [[nodiscard]] RevisionPtr current() const;
  [[nodiscard]] RevisionPtr find(std::uint64_t number) const;  // null: not kept
  // Kept ones below `before` (0: all), newest first, at most `most`.
  [[nodiscard]] std::vector<RevisionPtr> list(std::uint64_t before, std::size_t most) const;
  // Waits until another revision than `number` is in force, at most `patience`. False: it is not.
  bool wait(std::uint64_t number, std::chrono::milliseconds patience) const;

  // Why revisions are in memory only; empty: they are on disk.
  [[nodiscard]] std::string not_durable() const;
  // Revisions that could not be stored, those of files included.
  [[nodiscard]] std::uint64_t store_failures() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The lines in which the policy.yaml of two policies differ, in unified format; empty: in none.
[[nodiscard]] std::string diff(const policy::Policy& from, const policy::Policy& to,
                               const std::string& from_name, const std::string& to_name);

}  // namespace pulsed::revisions
