// An event as the API has it.
#pragma once

#include "daemon/event_log.h"
#include "daemon/rpc/filter.h"
#include "pulsed/v1/monitor.pb.h"

namespace pulsed::rpc {

[[nodiscard]] bool shows(const Filter& filter, const Event& event);
void fill(const Event& event, std::uint64_t epoch, v1::Event& message);

}  // namespace pulsed::rpc
