// A table in a given width: columns stretch to what they hold, and the least important ones go when they do not fit.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ctl/top/history.h"
#include "daemon/ctl/top/listing.h"
#include "daemon/ctl/top/styled_text.h"
#include "daemon/ctl/top/text.h"

namespace pulsed::ctl::top {

struct Column {
  std::string_view title;
  std::size_t width = 5;  // of one that stretches: the least
  std::size_t rank = 0;   // the lowest goes first; kAlways never
  Side side = Side::kRight;
  bool stretches = false;
  bool sparkline = false;          // its cells are drawn of series
  std::optional<SortKey> sorts{};  // what its title is marked for

  static constexpr std::size_t kAlways = 1000;
};

struct Cell {
  std::string text;
  Style style = Style::kPlain;
  const Series* series = nullptr;  // drawn instead of the text
  double floor = 0;                // of its sparkline
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // as many cells as columns
};

// The width of each column, 0 for those that do not fit. One blank stands between two.
[[nodiscard]] std::vector<std::size_t> column_widths(const Table& table, std::size_t width);

[[nodiscard]] Line title_line(const Table& table, const std::vector<std::size_t>& widths,
                              const Order& order);
[[nodiscard]] Line row_line(const Table& table, const std::vector<std::size_t>& widths,
                            std::size_t row);

}  // namespace pulsed::ctl::top
