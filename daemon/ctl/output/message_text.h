// Messages of the API as JSON and YAML: protobuf's own JSON with the names of the .proto files; 64-bit numbers are strings
// there, durations are seconds ("0.001s").
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>

#include "daemon/ctl/output/format.h"

namespace pulsed::ctl {

enum class Unset : std::uint8_t {
  kShown,  // zeros, empty texts and empty lists stand there: each record has the same keys
  kLeftOut,
};

// One line, without its end.
[[nodiscard]] std::string json_line(const google::protobuf::Message& message, Unset unset);

// As `format` has it, which is not kTable; ends with a new line.
[[nodiscard]] std::string message_text(const google::protobuf::Message& message, Format format,
                                       Unset unset = Unset::kShown);

}  // namespace pulsed::ctl
