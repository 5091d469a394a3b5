#include "daemon/ctl/output/table.h"

#include <algorithm>

#include "daemon/ctl/output/printable.h"

namespace pulsed::ctl {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;  // a column that is cut keeps so much

bool begins_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

std::string aligned(std::string text, std::size_t width, Align align) {
  const std::size_t pad = width - std::min(width, display_width(text));
  return align == Align::kLeft ? text + std::string(pad, ' ') : std::string(pad, ' ') + text;
}

// A column that is shown, and how wide.
struct Shown {
  std::size_t index;
  std::size_t width;
  const Column* column;
};

std::size_t line_width(const std::vector<Shown>& shown) {
  std::size_t sum = 0;
  for (const Shown& s : shown) sum += s.width + kGap;
  return sum - kGap;
}

// Returns the names of what it leaves out.
std::string leave_out(std::vector<Shown>& shown, std::size_t width) {
  std::string left_out;
  while (line_width(shown) > width) {
    const auto sparest = std::max_element(
        shown.begin(), shown.end(),
        [](const Shown& a, const Shown& b) { return a.column->spare < b.column->spare; });
    if (sparest->column->spare == 0) break;
    left_out += (left_out.empty() ? "" : ", ") + std::string(sparest->column->name);
    shown.erase(sparest);
  }
  return left_out;
}

void cut(std::vector<Shown>& shown, std::size_t width) {
  while (line_width(shown) > width) {
    Shown* widest = nullptr;
    for (Shown& s : shown) {
      if (s.column->align == Align::kRight || s.width <= kNarrowest) continue;
      if (widest == nullptr || s.width > widest->width) widest = &s;
    }
    if (widest == nullptr) return;
    --widest->width;
  }
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_code_point));
}

std::string fitted(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t kept = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (begins_code_point(text[end]) && ++kept == width) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

void Table::add(std::vector<Cell> row) {
  for (Cell& cell : row) cell.text = cell.text.empty() ? "-" : printable(cell.text);
  row.resize(columns_.size(), Cell("-"));
  rows_.push_back(std::move(row));
}

std::size_t Table::widest(std::size_t column) const {
  std::size_t widest = columns_[column].name.size();
  for (const auto& row : rows_) widest = std::max(widest, display_width(row[column].text));
  return widest;
}

std::string Table::text(const Terminal& terminal) const {
  std::vector<Shown> shown;
  for (std::size_t i = 0; i < columns_.size(); ++i) shown.push_back({i, widest(i), &columns_[i]});
  std::string left_out;
  if (terminal.width > 0) {
    left_out = leave_out(shown, terminal.width);
    cut(shown, terminal.width);
  }
  std::string out;
  const auto line = [&](const auto& cell_of) {
    for (const Shown& s : shown) {
      const Cell cell = cell_of(s.index);
      std::string text = fitted(cell.text, s.width);
      const bool last = &s == &shown.back();
      if (!last || s.column->align == Align::kRight) {
        text = aligned(std::move(text), s.width, s.column->align);
      }
      out += inked(terminal, cell.ink, std::move(text)) + (last ? "\n" : std::string(kGap, ' '));
    }
  };
  line([&](std::size_t i) { return Cell(std::string(columns_[i].name), Ink::kBold); });
  for (const auto& row : rows_) line([&](std::size_t i) { return row[i]; });
  if (!left_out.empty()) {
    out +=
        inked(terminal, Ink::kDim, fitted("No room for " + left_out + ".", terminal.width)) + "\n";
  }
  return out;
}

}  // namespace pulsed::ctl
