// What a caller's change makes of the policy in force.
#pragma once

#include <grpcpp/support/status.h>

#include <functional>
#include <string>
#include <variant>

#include "daemon/policy/policy.h"
#include "daemon/revisions/revision_store.h"
#include "daemon/rpc/field_fault.h"
#include "pulsed/v1/policy.pb.h"

namespace pulsed::rpc {

using NewPolicy = std::variant<policy::Policy, grpc::Status>;
// Pure, and asked for again if another change came between; it owns what it is made of.
using PolicyChange = std::function<NewPolicy(const revisions::Revision& in_force)>;

// The new policy of an Update. What is wrong with the request itself is found at once, and is the answer to every question.
[[nodiscard]] PolicyChange change_of(const v1::UpdatePolicyRequest& request);

// `change`, but ABORTED where another revision is in force than the etag names. Empty: any will do.
[[nodiscard]] PolicyChange only_if(const std::string& etag, PolicyChange change);

// Comments stand in the history and in the log: at most 1024 bytes, no control characters but tabs and ends of lines.
void check_comment(const std::string& comment, const FieldPath& path);

[[nodiscard]] grpc::Status invalid(const std::vector<FieldFault>& faults);

}  // namespace pulsed::rpc
