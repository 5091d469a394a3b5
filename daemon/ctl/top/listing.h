// Which rows a view shows, and in what order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ctl/top/rows.h"

namespace pulsed::ctl::top {

enum class View : std::uint8_t { kServices, kClasses, kWorkers };
inline constexpr std::size_t kViewCount = 3;

enum class SortKey : std::uint8_t { kPolls, kCpu, kViolations, kAge, kName };

// Numbers are sorted with the largest first, names from A on; `reversed` the other way.
struct Order {
  SortKey key = SortKey::kCpu;
  bool reversed = false;
};

// What was opened to get here: only rows that belong to it are shown.
struct Scope {
  std::optional<std::string> service;
  std::optional<std::string> task_class;
};

struct Listing {
  View view = View::kServices;
  std::vector<std::size_t> rows;  // indices into the view's rows
  std::vector<std::string> ids;   // of the same rows: what stays the same from reading to reading
  std::size_t in_scope = 0;       // before the filter
};

// Rows that are equal by `order` are in the order of their names, whatever the order of the reading.
[[nodiscard]] Listing list(const Rows& rows, View view, const Scope& scope, const Order& order,
                           std::string_view filter);

[[nodiscard]] std::string_view name(View view);
[[nodiscard]] std::string_view name(SortKey key);

// Workers have no rates.
[[nodiscard]] bool sorts_by(View view, SortKey key);

// Of tasks without a class.
inline constexpr std::string_view kNoClass = "(no class)";
[[nodiscard]] std::string_view shown_class(std::string_view task_class);

}  // namespace pulsed::ctl::top
