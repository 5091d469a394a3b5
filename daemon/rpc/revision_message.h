// Revisions as the API has them.
#pragma once

#include "daemon/revisions/revision_store.h"
#include "pulsed/v1/policy.pb.h"

namespace pulsed::rpc {

// All but the diff.
void fill(const revisions::Revision& revision, v1::Revision& message);
void fill(const revisions::Revision& revision, v1::PolicyState& message);

}  // namespace pulsed::rpc
