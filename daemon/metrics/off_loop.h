// What the daemon counts outside its control loop, so not in its snapshots: of its servers, its store and its process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/metrics/process_use.h"

namespace pulsed::metrics {

// Calls of one method of the API that ended with one code.
struct ApiCalls {
  std::string method;
  std::string code;
  std::uint64_t calls = 0;
};

struct OffLoop {
  ProcessUse process;
  std::uint64_t http_connections_refused = 0;
  std::uint64_t http_replies_refused = 0;
  std::uint64_t http_watchers_refused = 0;
  std::uint64_t http_watchers = 0;  // now
  std::uint64_t api_connections_refused = 0;
  std::vector<ApiCalls> api_calls;  // each method and code once
  std::uint64_t revision_store_failures = 0;
  bool revisions_durable = true;
  std::uint64_t log_lines_dropped = 0;
};

}  // namespace pulsed::metrics
