// Builds what is shown of single processes, workers and tasks, from what the control loop knows now.
//
// The control loop's thread alone. Costs what there is to show, within the bounds of Details.
#pragma once

#include <memory>
#include <span>

#include "daemon/collect/service.h"
#include "daemon/details.h"
#include "shared_memory/tick_clock.h"

namespace pulsed {

[[nodiscard]] std::shared_ptr<const Details> build_details(
    std::span<const std::unique_ptr<collect::Service>> services, const shm::TickClock& clock);

}  // namespace pulsed
