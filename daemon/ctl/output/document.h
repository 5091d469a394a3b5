// Results that are no message of the API, as JSON or YAML.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "daemon/ctl/output/format.h"

namespace pulsed::ctl {

using Document = nlohmann::ordered_json;

// As `format` has it, which is not kTable; ends with a new line.
[[nodiscard]] std::string document_text(const Document& document, Format format);

}  // namespace pulsed::ctl
