#include "daemon/ctl/top/frame.h"

#include <algorithm>
#include <utility>

#include "daemon/ctl/top/help.h"
#include "daemon/ctl/top/tables.h"
#include "daemon/ctl/top/text.h"

namespace pulsed::ctl::top {
namespace {

constexpr std::size_t kRoomyHeight = 16;  // from here on all lines of status are shown
constexpr std::size_t kStatusLines = 3;
constexpr std::size_t kTitleLines = 3;  // connection, listing, columns
constexpr std::size_t kFootLines = 2;   // the selected row, and the keys

std::size_t status_lines_in(Size size) { return size.height < kRoomyHeight ? 1 : kStatusLines; }

Frame too_small(Size size) {
  Frame frame;
  frame.lines.resize(size.height);
  const std::string is = std::to_string(size.width) + "x" + std::to_string(size.height);
  const std::string least =
      std::to_string(kLeastSize.width) + "x" + std::to_string(kLeastSize.height);
  if (size.height > 0)
    frame.lines[0] =
        cut(Line{{{"terminal too small: " + is + ", needs " + least, Style::kBad}}}, size.width);
  return frame;
}

std::string_view empty_text(const Model& model, const Browser& browser) {
  if (model.empty()) return model.lost() ? std::string_view(*model.lost()) : "nothing was read yet";
  if (!browser.place().filter.empty()) return "nothing passes the filter; Esc clears it";
  if (browser.scope().task_class) return "no worker polls it right now";
  return browser.view() == View::kServices ? "no service is attached" : "there is none";
}

void add_table(std::vector<Line>& lines, const Model& model, const Browser& browser,
               const Listing& listing, Window window, std::size_t width) {
  const Table table = table_of(model, browser, listing, window);
  std::vector<std::size_t> widths = column_widths(table, width);
  for (std::size_t i = 0; i < widths.size(); ++i)
    if (table.columns[i].sparkline && window.for_scripts) widths[i] = 0;
  lines.push_back(title_line(table, widths, browser.place().order));
  if (listing.rows.empty())
    lines.push_back(Line{{{std::string(empty_text(model, browser)), Style::kDim}}});
  for (std::size_t i = 0; i < table.rows.size(); ++i) lines.push_back(row_line(table, widths, i));
}

Line keys_line(const Browser& browser) {
  const std::string_view open = browser.view() == View::kWorkers    ? "Bksp back"
                                : browser.view() == View::kServices ? "Enter open"
                                                                    : "Enter open  Bksp back";
  return Line{{{"h help  q quit  Space pause  / filter  " + std::string(open) + "  PCVAN sort",
                Style::kDim}}};
}

void add_prompt(Frame& frame, const Browser& browser, std::size_t width) {
  // The end of a long one is where the operator types.
  std::string shown = "filter: ";
  shown += end_of(browser.place().filter, width - columns(shown) - 1);
  frame.cursor = columns(shown);
  frame.lines.push_back(Line{{{std::move(shown), Style::kBold}}});
}

Frame help_frame(Size size) {
  Frame frame;
  for (std::string& line : help_lines()) frame.lines.push_back(Line{{{std::move(line)}}});
  frame.lines.resize(size.height);
  return frame;
}

void fit(Frame& frame, std::size_t width) {
  for (Line& line : frame.lines) line = cut(std::move(line), width);
}

}  // namespace

std::size_t page_of(Size size) {
  const std::size_t others = status_lines_in(size) + kTitleLines + kFootLines;
  return size.height > others ? size.height - others : 1;
}

Frame frame_of(const Model& model, const Browser& browser, const Listing& listing, Now now,
               Size size) {
  if (size.width < kLeastSize.width || size.height < kLeastSize.height) return too_small(size);
  Frame frame = browser.helps() ? help_frame(size) : Frame{};
  if (!browser.helps()) {
    std::vector<Line> status = status_lines(model, now, size.width);
    status.resize(status_lines_in(size));
    frame.lines = std::move(status);
    frame.lines.push_back(connection_line(model, browser, now, size.width));
    frame.lines.push_back(listing_line(browser, listing, size.width));
    const std::size_t first = std::min(browser.place().first, listing.rows.size());
    const std::size_t selected = browser.place().selected_at;
    const Window window{first, std::min(page_of(size), listing.rows.size() - first)};
    const std::size_t top = frame.lines.size() + 1;
    add_table(frame.lines, model, browser, listing, window, size.width);
    if (selected >= first && selected < first + window.count)
      frame.lines[top + selected - first].ground = Line::Ground::kSelected;
    frame.lines.resize(size.height - kFootLines);
    frame.lines.push_back(Line{{{detail_of(model, browser, listing), Style::kBold}}});
    if (browser.typing())
      add_prompt(frame, browser, size.width);
    else
      frame.lines.push_back(keys_line(browser));
  }
  fit(frame, size.width);
  return frame;
}

std::string batch_text(const Model& model, const Browser& browser, const Listing& listing,
                       Now now) {
  constexpr std::size_t kUnbounded = 4096;
  std::vector<Line> lines = status_lines(model, now, kUnbounded);
  lines.push_back(connection_line(model, browser, now, kUnbounded));
  lines.push_back(listing_line(browser, listing, kUnbounded));
  add_table(lines, model, browser, listing, {0, listing.rows.size(), true}, kUnbounded);
  std::string text;
  for (Line& line : lines) text += plain_text(cut(std::move(line), kUnbounded)) + "\n";
  return text;
}

}  // namespace pulsed::ctl::top
