// Watch of the policy: the one in force, then each new one that the reader is fast enough for.
#pragma once

#include "daemon/rpc/revision_message.h"
#include "daemon/rpc/watch.h"

namespace pulsed::rpc {

class PolicyWatch final : public Watch<v1::PolicyState> {
 public:
  PolicyWatch(Setting setting, const revisions::RevisionStore& store)
      : Watch(std::move(setting)), store_(store) {}

 private:
  Next next(v1::PolicyState& message) override {
    const revisions::RevisionPtr in_force = store_.current();
    if (in_force == shown_) return Nothing{};
    shown_ = in_force;
    message.Clear();
    fill(*in_force, message);
    return Send{};
  }

  const revisions::RevisionStore& store_;
  revisions::RevisionPtr shown_;
};

}  // namespace pulsed::rpc
