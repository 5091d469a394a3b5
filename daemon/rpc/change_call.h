// The way of a change of the policy, whichever method asks for it: the right to it, what it makes of the policy in force, the
// store, the audit line, the answer.
#pragma once

#include <functional>
#include <string>

#include "daemon/rpc/api_core.h"
#include "daemon/rpc/caller.h"
#include "daemon/rpc/policy_change.h"

namespace pulsed::rpc {

struct WantedChange {
  std::string what;  // in the audit line
  std::string comment;
  std::function<PolicyChange()> make;  // asked once the right is known
  std::uint64_t rolled_back_to = 0;
  bool validate_only = false;
};

// Answers the call, now or when the change is stored. `response` is filled in before the call is answered OK.
[[nodiscard]] grpc::ServerUnaryReactor* change_policy(ApiCore& core, const AccessRule& rule,
                                                      grpc::CallbackServerContext* context,
                                                      WantedChange wanted,
                                                      v1::PolicyState* response);

// PERMISSION_DENIED, with what would help.
[[nodiscard]] grpc::Status denied(const Caller& caller);

}  // namespace pulsed::rpc
