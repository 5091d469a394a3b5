// What the demo answers: request targets in, JSON out. Knows neither HTTP parsing nor sockets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "deploy/demo/report_work.h"
#include "deploy/demo/text_index.h"

namespace pulsed::demo {

enum class Route : std::uint8_t { kLookup, kReport, kUnknown, kBadRequest };

struct Target {
  Route route = Route::kUnknown;
  std::string word;   // of /lookup: lower case, 1 to kMaxWordBytes ASCII letters
  std::string error;  // of kUnknown and kBadRequest: for the client
};

// `target` as in the request line: "/lookup?word=Warranty".
[[nodiscard]] Target parse_target(std::string_view target);

[[nodiscard]] std::string lookup_json(std::string_view word, const Lookup& found);
[[nodiscard]] std::string report_json(const ReportResult& result);
[[nodiscard]] std::string error_json(std::string_view error);

}  // namespace pulsed::demo
