// Finds what a newer client sent and this pulsed would silently leave out.
#pragma once

#include <google/protobuf/message.h>

#include "daemon/rpc/field_fault.h"

namespace pulsed::rpc {

// A fault for each field, at any depth, that the message's type does not have.
void find_unknown_fields(const google::protobuf::Message& message, const FieldPath& path);

}  // namespace pulsed::rpc
