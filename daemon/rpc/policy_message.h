// A policy as the API has it, and back. What comes back holds, as what policy.yaml says does.
#pragma once

#include <optional>
#include <vector>

#include "daemon/policy/policy.h"
#include "daemon/rpc/field_fault.h"
#include "pulsed/v1/policy.pb.h"

namespace pulsed::rpc {

[[nodiscard]] v1::Policy to_message(const policy::Policy& policy);

struct PolicyReading {
  std::optional<policy::Policy> policy;  // there if and only if there are no faults
  std::vector<FieldFault> faults;        // all there are
};
// Strict: a field or a name of a newer API is a fault, not left out.
[[nodiscard]] PolicyReading from_message(const v1::Policy& message);

// The message's number for a value, and back; nothing: unspecified, or of a newer API.
template <typename Message, typename Value>
[[nodiscard]] constexpr Message enum_message(Value value) {
  return static_cast<Message>(static_cast<int>(value) + 1);
}

}  // namespace pulsed::rpc
