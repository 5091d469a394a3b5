// Names exactly one revision, also where numbers begin anew in an emptied state directory.
#pragma once

#include <string>

#include "daemon/revisions/revision_store.h"

namespace pulsed::rpc {

[[nodiscard]] inline std::string etag(const revisions::Revision& revision) {
  return std::to_string(revision.number) + "-" +
         std::to_string(revision.created.time_since_epoch().count());
}

}  // namespace pulsed::rpc
