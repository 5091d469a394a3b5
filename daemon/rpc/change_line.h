// Changes of the policy stand in line: each is worked out from what is in force when its turn comes, so that none undoes
// another's, and one that names a part of the policy never fails for a change to another part.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <variant>

#include "daemon/revisions/revision_store.h"

namespace pulsed::rpc {

using Stored = std::variant<revisions::RevisionPtr, grpc::Status>;

// Thread-safe. The store outlives it, and calls nobody after its own end.
class ChangeLine : public std::enable_shared_from_this<ChangeLine> {
 public:
  static constexpr std::size_t kMostWaiting = 256;
  using Clock = std::chrono::steady_clock;

  struct Request {
    // At its turn: what is to be stored (its `expected` is set here), or why nothing is.
    std::function<std::variant<revisions::Change, grpc::Status>(const revisions::Revision&)>
        work_out;
    std::function<void(const Stored&)> done;  // once, on any thread
    // Stored, after `done` was told that it might still be: on the store's thread, also after close.
    std::function<void(const revisions::RevisionPtr&)> stored_late{};
  };

  ChangeLine(revisions::RevisionStore& store, std::chrono::milliseconds limit)
      : store_(store), limit_(limit) {}

  void add(Request request);
  // Answers those whose time is up. To be called now and then.
  void look_at(Clock::time_point now);
  // Answers all, and everybody later, with UNAVAILABLE.
  void close();

 private:
  struct Entry {
    Request request;
    Clock::time_point until;
    int attempts = 0;
    bool answered = false;
  };
  using EntryPtr = std::shared_ptr<Entry>;

  void go_on();
  bool begin(const EntryPtr& entry);
  void on_outcome(const EntryPtr& entry, const revisions::RevisionStore::Outcome& outcome);
  // False: it was answered before.
  bool answer(const EntryPtr& entry, const Stored& stored);

  revisions::RevisionStore& store_;
  const std::chrono::milliseconds limit_;
  std::mutex mutex_;
  std::deque<EntryPtr> waiting_;
  EntryPtr current_;  // the one that is being worked out or stored
  bool closed_ = false;
};

}  // namespace pulsed::rpc
