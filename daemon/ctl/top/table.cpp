#include "daemon/ctl/top/table.h"

#include <algorithm>

#include "daemon/ctl/top/sparkline.h"

namespace pulsed::ctl::top {
namespace {

constexpr std::size_t kMostStretch = 96;    // no name is longer
constexpr std::size_t kMostSparkline = 30;  // more tells nothing at a glance

std::size_t total(const std::vector<std::size_t>& widths) {
  std::size_t sum = 0;
  for (const std::size_t width : widths) sum += width == 0 ? 0 : width + 1;
  return sum == 0 ? 0 : sum - 1;
}

// What a column that stretches would fill.
std::size_t wanted(const Table& table, std::size_t column) {
  if (table.columns[column].sparkline) return kMostSparkline;
  std::size_t most = table.columns[column].width;
  for (const std::vector<Cell>& row : table.rows) most = std::max(most, columns(row[column].text));
  return std::min(most, kMostStretch);
}

void drop_until_it_fits(const Table& table, std::vector<std::size_t>& widths, std::size_t width) {
  while (total(widths) > width) {
    std::size_t least = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (widths[i] == 0 || table.columns[i].rank == Column::kAlways) continue;
      if (least == widths.size() || table.columns[i].rank < table.columns[least].rank) least = i;
    }
    if (least == widths.size()) return;
    widths[least] = 0;
  }
}

// Names first, sparklines with what is left: they are the later ones of a lower rank.
void stretch(const Table& table, std::vector<std::size_t>& widths, std::size_t width) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < widths.size(); ++i)
    if (widths[i] > 0 && table.columns[i].stretches) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return table.columns[a].rank > table.columns[b].rank;
  });
  for (const std::size_t i : order) {
    const std::size_t spare = width - std::min(width, total(widths));
    widths[i] += std::min(spare, wanted(table, i) - widths[i]);
  }
}

std::string_view mark(bool reversed) {
  if (shows_utf8()) return reversed ? "▴" : "▾";
  return reversed ? "^" : "v";
}

std::string drawn(const Cell& cell, std::size_t width, Side side) {
  if (cell.series != nullptr) return sparkline(*cell.series, width, cell.floor);
  return fitted(cell.text, width, side);
}

void append(Line& line, std::string text, Style style, std::string_view gap = " ") {
  if (!line.spans.empty()) text.insert(0, gap);
  line.spans.push_back({std::move(text), style});
}

}  // namespace

std::vector<std::size_t> column_widths(const Table& table, std::size_t width) {
  std::vector<std::size_t> widths;
  for (const Column& column : table.columns) widths.push_back(column.width);
  drop_until_it_fits(table, widths, width);
  // Only what is never dropped is left, and the screen is narrower still.
  for (std::size_t i = 0; i < widths.size() && total(widths) > width; ++i)
    if (table.columns[i].stretches) widths[i] -= std::min(widths[i] - 1, total(widths) - width);
  stretch(table, widths, width);
  return widths;
}

Line title_line(const Table& table, const std::vector<std::size_t>& widths, const Order& order) {
  Line line{.ground = Line::Ground::kTitle};
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] == 0) continue;
    const Column& column = table.columns[i];
    const std::string title(column.title);
    const std::string marked(column.sorts == order.key ? mark(order.reversed) : "");
    if (column.side == Side::kLeft || marked.empty()) {
      append(line, fitted(title + marked, widths[i], column.side), Style::kPlain);
    } else {
      // Numbers end where their title does, so the mark may stand in the blank before it.
      append(line, fitted(marked + title, widths[i] + 1, column.side), Style::kPlain, "");
    }
  }
  return line;
}

Line row_line(const Table& table, const std::vector<std::size_t>& widths, std::size_t row) {
  Line line;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] == 0) continue;
    const Cell& cell = table.rows[row][i];
    append(line, drawn(cell, widths[i], table.columns[i].side), cell.style);
  }
  return line;
}

}  // namespace pulsed::ctl::top
