#include "daemon/ctl/output/table.h"

#include <algorithm>

namespace pulsed::ctl {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;  // a column that is cut keeps so much

bool begins_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

std::string aligned(std::string text, std::size_t width, Align align) {
  const std::size_t pad = width - std::min(width, display_width(text));
  return align == Align::kLeft ? text + std::string(pad, ' ') : std::string(pad, ' ') + text;
}

std::size_t line_width(const std::vector<std::size_t>& widths) {
  std::size_t sum = 0;
  for (const std::size_t width : widths) sum += width + kGap;
  return sum - kGap;
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

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20U || c == 0x7F) c = '?';
  }
  return out;
}

void Table::add(std::vector<Cell> row) {
  for (Cell& cell : row) cell.text = cell.text.empty() ? "-" : printable(cell.text);
  row.resize(columns_.size(), Cell("-"));
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths(std::size_t terminal_width) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = columns_[i].name.size();
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[i].text));
    widths.push_back(widest);
  }
  while (terminal_width > 0 && line_width(widths) > terminal_width) {
    std::size_t* widest = nullptr;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].align == Align::kRight || widths[i] <= kNarrowest) continue;
      if (widest == nullptr || widths[i] > *widest) widest = &widths[i];
    }
    if (widest == nullptr) break;
    --*widest;
  }
  return widths;
}

std::string Table::text(const Terminal& terminal) const {
  const std::vector<std::size_t> widths = this->widths(terminal.width);
  std::string out;
  const auto line = [&](const auto& cell_of) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Cell cell = cell_of(i);
      std::string text = fitted(cell.text, widths[i]);
      const bool last = i + 1 == columns_.size();
      if (!last || columns_[i].align == Align::kRight) {
        text = aligned(std::move(text), widths[i], columns_[i].align);
      }
      out += inked(terminal, cell.ink, std::move(text)) + (last ? "\n" : std::string(kGap, ' '));
    }
  };
  line([&](std::size_t i) { return Cell(std::string(columns_[i].name), Ink::kBold); });
  for (const auto& row : rows_) line([&](std::size_t i) { return row[i]; });
  return out;
}

}  // namespace pulsed::ctl
