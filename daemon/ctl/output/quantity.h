// Numbers, times and names of the API as people read them.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/ctl/output/format.h"
#include "pulsed/v1/monitor.pb.h"
#include "pulsed/v1/policy.pb.h"

namespace pulsed::ctl {

using Nanoseconds = std::chrono::nanoseconds;

[[nodiscard]] Nanoseconds nanoseconds(const google::protobuf::Duration& d);

// Three figures and a unit: "812ns", "1.50ms", "12.3s", "4m05s", "3h20m", "2d04h".
[[nodiscard]] std::string human(Nanoseconds d);
[[nodiscard]] std::string human(const google::protobuf::Duration& d);
// Empty for zero, which stands for none.
[[nodiscard]] std::string human_if_any(const google::protobuf::Duration& d);
// Whole below 10000, then three figures: "12.3k", "4.56M".
[[nodiscard]] std::string human(std::uint64_t count);

// Local time: "2024-05-17 12:03:01", and with milliseconds.
[[nodiscard]] std::string date_text(const google::protobuf::Timestamp& at);
[[nodiscard]] std::string date_text_ms(const google::protobuf::Timestamp& at);
[[nodiscard]] Nanoseconds age(const google::protobuf::Timestamp& since,
                              std::chrono::system_clock::time_point now);

// The enum's value in small letters without its prefix: "isolate"; empty: unspecified.
[[nodiscard]] std::string word(v1::Tier tier);
[[nodiscard]] std::string word(v1::Enforcement enforcement);
[[nodiscard]] std::string word(v1::Profile profile);
[[nodiscard]] std::string word(v1::Blame blame);
[[nodiscard]] std::string word(v1::WorkerInfo::Kind kind);
[[nodiscard]] std::string text(
    const v1::Author& author);  // "uid 1000", "certificate ops", "file /etc/pulsed/policy.yaml"

[[nodiscard]] Ink ink_of(v1::Tier tier);

}  // namespace pulsed::ctl
