// What the services of all servers share: where calls wait, how changes stand in line, who watches.
#pragma once

#include <memory>
#include <string>

#include "daemon/rpc/allowance.h"
#include "daemon/rpc/api_server.h"
#include "daemon/rpc/audit.h"
#include "daemon/rpc/call_counter.h"
#include "daemon/rpc/change_line.h"
#include "daemon/rpc/diff_shelf.h"
#include "daemon/rpc/reading_desk.h"
#include "daemon/rpc/watch_bell.h"

namespace pulsed::rpc {

struct ApiCore {
  ApiCore(const Options& the_options, const Site& the_site);

  const Options& options;
  const Site& site;
  std::shared_ptr<Audit> audit;  // also of changes that are stored after the end of the rest
  CallCounter calls;
  ReadingDesk desk;
  std::shared_ptr<ChangeLine> changes;
  DiffShelf diffs;
  Allowance watches;       // how many
  Allowance answer_bytes;  // of answers that readers have not taken yet
  WatchBell events;        // for WatchEvents
  WatchBell policies;      // for Watch, and for what in the line of changes is late
};

}  // namespace pulsed::rpc
