// Rows and columns as text: aligned, with a header, and within the width of a terminal.
//
//   Table table({{"SERVICE", Align::kLeft}, {"TASKS", Align::kRight}});
//   table.add({"shop", {"3", Ink::kRed}});
//   std::cout << table.text(terminal);
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ctl/output/format.h"

namespace pulsed::ctl {

enum class Align : std::uint8_t { kLeft, kRight };

struct Column {
  std::string_view name;  // stable: scripts may look for it
  Align align = Align::kLeft;
  int spare = 0;  // above 0: a narrow terminal does without it, the highest first
};

struct Cell {
  std::string text;
  Ink ink = Ink::kPlain;
  Cell(std::string t, Ink i = Ink::kPlain)
      : text(std::move(t)), ink(i) {}  // NOLINT: a cell is mostly its text
  Cell(const char* t) : text(t) {}     // NOLINT
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns, made printable. An empty one is shown as `-`.
  void add(std::vector<Cell> row);
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  // On a terminal that is too narrow, columns that are spare are left out, and named below; then left-aligned ones are cut, the
  // widest first, with `…` where something is missing. What is no terminal gets everything.
  [[nodiscard]] std::string text(const Terminal& terminal) const;

 private:
  [[nodiscard]] std::size_t widest(std::size_t column) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// Columns that the text takes: code points, as names are UTF-8.
[[nodiscard]] std::size_t display_width(std::string_view text);
// At most `width` columns of it, `…` last if something is missing.
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width);

}  // namespace pulsed::ctl
