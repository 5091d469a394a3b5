// What the demo answers: request targets in, JSON out. Knows neither HTTP parsing nor sockets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "deploy/demo/price_list.h"
#include "deploy/demo/report_work.h"
#include "deploy/demo/text_index.h"

namespace pulsed::demo {

enum class Route : std::uint8_t {
  kLookup,
  kPrice,
  kReport,   // with checkpoints
  kExport,   // the same work without
  kRestock,  // without, and holding the lock that kPrice needs
  kStats,
  kUnknown,
  kBadRequest,
};

struct Target {
  Route route = Route::kUnknown;
  std::string word;   // of /lookup and /price: lower case, 1 to kMaxWordBytes ASCII letters
  std::string error;  // of kUnknown and kBadRequest: for the client
};

// What the service did since its start.
struct Stats {
  std::uint64_t lookups = 0;
  std::uint64_t prices = 0;
  std::uint64_t reports = 0;
  std::uint64_t exports = 0;
  std::uint64_t restocks = 0;
  std::uint64_t refused = 0;
  std::uint64_t demoted_light_polls = 0;  // see LightPolls
  std::uint64_t begun_demoted_light_polls = 0;
  std::uint64_t isolated_light_polls = 0;
};

// `target` as in the request line: "/lookup?word=Warranty".
[[nodiscard]] Target parse_target(std::string_view target);

[[nodiscard]] std::string lookup_json(std::string_view word, const Lookup& found);
[[nodiscard]] std::string price_json(std::string_view word, const Quote& quote);
[[nodiscard]] std::string report_json(const ReportResult& result);  // and of an export
[[nodiscard]] std::string restock_json(const RestockResult& result);
[[nodiscard]] std::string stats_json(const Stats& stats);
[[nodiscard]] std::string error_json(std::string_view error);

}  // namespace pulsed::demo
