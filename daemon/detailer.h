// Builds what is shown of single processes, workers and tasks, from what the control loop knows now.
//
// The control loop's thread alone. Costs what there is to show, within the bounds of Details; `between` is called after each
// service.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "daemon/collect/service.h"
#include "daemon/details.h"
#include "shared_memory/tick_clock.h"

namespace pulsed {

enum class Listed : std::uint8_t { kWorkers, kWorkersAndTasks };

[[nodiscard]] std::shared_ptr<const Details> build_details(
    std::span<const std::unique_ptr<collect::Service>> services, const shm::TickClock& clock,
    Listed listed = Listed::kWorkersAndTasks, const std::function<void()>& between = [] {});

}  // namespace pulsed
