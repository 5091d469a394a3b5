// What every connection of the demo shares: the text and its index, the prices, the tasks, the limits,
// the counts.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "deploy/demo/connection_registry.h"
#include "deploy/demo/light_polls.h"
#include "deploy/demo/price_list.h"
#include "deploy/demo/tasks.h"
#include "deploy/demo/text_index.h"

namespace pulsed::demo {

enum class TaskPer : std::uint8_t {
  kConnection,  // one task for as long as a connection lives; its class follows the route
  kRequest,     // a fresh task for every request
};

struct Limits {
  std::size_t connections = 4096;
  std::size_t request_head_bytes = 4096;  // a request has no body
  std::chrono::milliseconds idle_timeout{30'000};
  std::chrono::milliseconds write_timeout{10'000};
};

struct Served {
  std::atomic<std::uint64_t> lookups{0};
  std::atomic<std::uint64_t> prices{0};
  std::atomic<std::uint64_t> reports{0};
  std::atomic<std::uint64_t> exports{0};
  std::atomic<std::uint64_t> restocks{0};
  std::atomic<std::uint64_t> refused{
      0};  // requests answered with an error, and connections over the limit
};

struct Service {
  std::string_view text;
  const TextIndex& index;
  Tasks& tasks;
  std::uint32_t report_steps;
  TaskPer task_per;
  Limits limits{};
  PriceList prices{};
  LightPolls light_polls{};
  ConnectionRegistry connections{};
  Served served{};
};

}  // namespace pulsed::demo
