// Lengths and points of time as the API has them.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "daemon/policy/types.h"
#include "daemon/rpc/field_fault.h"

namespace pulsed::rpc {

using policy::Duration;

[[nodiscard]] google::protobuf::Duration duration_message(Duration value);
[[nodiscard]] google::protobuf::Duration duration_message_ns(std::uint64_t nanoseconds);
[[nodiscard]] google::protobuf::Timestamp timestamp_message(
    std::chrono::system_clock::time_point at);

// What is no length of time, or too long for a count of nanoseconds, is a fault.
[[nodiscard]] std::optional<Duration> read_duration(const google::protobuf::Duration& message,
                                                    const FieldPath& path);

}  // namespace pulsed::rpc
