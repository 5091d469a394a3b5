// The TierManager's fields as the API has them, by the one table of them: a field of the table is the message's field of
// the same name. One without the other is a std::logic_error here, and fails a test.
#pragma once

#include "daemon/policy/policy.h"
#include "daemon/rpc/field_fault.h"
#include "pulsed/v1/policy.pb.h"

namespace pulsed::rpc {

void to_message(const policy::TierOverrides& set, v1::TierFields& message);

// What is wrong is a fault, and not set.
[[nodiscard]] policy::TierOverrides from_message(const v1::TierFields& message,
                                                 const FieldPath& path);

}  // namespace pulsed::rpc
