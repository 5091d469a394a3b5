#include <algorithm>

#include "daemon/ctl/top/cells.h"
#include "daemon/ctl/top/tables.h"

namespace pulsed::ctl::top {
namespace {

// What is shown of a class depends on all that are shown: whether any is not enforced, and what the operator asked for.
struct Shape {
  bool of_one_service = false;
  bool any_would_be = false;
  bool totals = false;
  bool p99 = false;
};

std::vector<Column> class_columns(const Shape& shape) {
  const bool totals = shape.totals;
  std::vector<Column> columns{
      {.title = "CLASS",
       .width = 14,
       .rank = Column::kAlways,
       .side = Side::kLeft,
       .stretches = true,
       .sorts = SortKey::kName},
      {.title = "T", .width = 2, .rank = 100, .side = Side::kLeft},
      {.title = "ENF", .width = 3, .rank = 58, .side = Side::kLeft},
      totals ? Column{.title = "CPU", .width = 5, .rank = 99, .sorts = SortKey::kCpu}
             : Column{.title = "CPU%", .width = 5, .rank = 99, .sorts = SortKey::kCpu},
      {.title = shape.p99 ? "P99" : "CPU",
       .width = 7,
       .rank = 60,
       .side = Side::kLeft,
       .stretches = true,
       .sparkline = true},
      {.title = totals ? "POLLS" : "POLL/s", .width = 6, .rank = 90, .sorts = SortKey::kPolls},
      {.title = totals ? "VIOL" : "VIOL/s", .width = 6, .rank = 95, .sorts = SortKey::kViolations},
      {.title = "P99", .width = 5, .rank = 55},
      {.title = "AGE", .width = 5, .rank = 98, .sorts = SortKey::kAge},
      {.title = "BLAME", .width = 8, .rank = 20},
      {.title = totals ? "YIELD" : "YLD/s", .width = 6, .rank = 85},
      {.title = totals ? "ISOL" : "ISO/s", .width = 6, .rank = 85},
      {.title = totals ? "DEMO" : "DEM/s", .width = 6, .rank = 45},
      {.title = totals ? "~CPU" : "~CPU%",
       .width = 5,
       .rank = shape.any_would_be ? std::size_t{80} : std::size_t{10}},
      {.title = "P50", .width = 5, .rank = 15},
      {.title = "QWAIT", .width = 5, .rank = 40},
      {.title = "TASKS", .width = 5, .rank = 30},
  };
  if (!shape.of_one_service)
    columns.insert(
        columns.begin(),
        Column{.title = "SERVICE", .width = 8, .rank = 97, .side = Side::kLeft, .stretches = true});
  return columns;
}

// Of what was not done but would have been: with a tilde, so that nobody takes one for the other.
Cell treated(bool would_be, std::string text) {
  if (!would_be || text == "-") return {.text = std::move(text)};
  return {.text = "~" + text, .style = text == "0" ? Style::kDim : Style::kCaution};
}

std::string total_text(std::uint64_t total) { return number_text(static_cast<double>(total)); }

void add_treatment(std::vector<Cell>& cells, const ClassRow& row, bool totals) {
  const bool would_be = row.reading.enforcement != Enforcement::kEnforce;
  if (totals) {
    const Treatment& t = would_be ? row.reading.would_be : row.reading.done;
    for (const std::uint64_t total : {t.yields, t.isolated_polls, t.demotions})
      cells.push_back(treated(would_be, total_text(total)));
    cells.push_back(plain(would_be ? duration_text(row.reading.would_be_cpu) : "-"));
    return;
  }
  const TreatmentRates& t = would_be ? row.would_be : row.done;
  for (const Rate& rate : {t.yields, t.isolated_polls, t.demotions})
    cells.push_back(treated(would_be, rate_text(rate)));
  cells.push_back(plain(would_be ? percent_text(row.would_be_cpu) : "-"));
}

std::vector<Cell> class_cells(const ClassRow& row, const History& history, const Shape& shape) {
  const ClassReading& now = row.reading;
  const bool totals = shape.totals;
  std::vector<Cell> cells;
  if (!shape.of_one_service) cells.push_back(plain(now.service));
  cells.push_back({.text = std::string(shown_class(now.task_class)), .style = Style::kBold});
  cells.push_back(tier_cell(now.tier, now.pinned));
  cells.push_back(plain(std::string(name(now.enforcement).substr(0, 3))));
  cells.push_back(plain(totals ? duration_text(now.cpu_time) : percent_text(row.load.cpu)));
  cells.push_back(sparkline_cell(history.find({now.service, now.task_class}), shape.p99));
  cells.push_back(totals ? count_cell(now.polls) : rate_cell(row.load.polls));
  cells.push_back(totals ? count_cell(now.violations, Style::kCaution)
                         : rate_cell(row.load.violations, Style::kCaution));
  cells.push_back(plain(duration_text(now.poll_p99)));
  cells.push_back(age_cell(row.oldest));
  cells.push_back(blame_cell(row.oldest ? row.oldest->blame : Blame::kUnknown));
  add_treatment(cells, row, totals);
  std::uint64_t tasks = 0;
  for (const std::uint64_t at_tier : now.tasks_by_tier) tasks += at_tier;
  cells.push_back(plain(duration_text(now.poll_p50)));
  cells.push_back(plain(duration_text(now.queue_wait_p99)));
  cells.push_back(count_cell(tasks));
  return cells;
}

}  // namespace

Table class_table(const Model& model, const Browser& browser, const Listing& listing,
                  Window window) {
  const std::vector<ClassRow>& rows = model.rows().classes;
  const Shape shape{
      .of_one_service = browser.scope().service ||
                        (!window.for_scripts && of_one_service(
                                                    rows, [](const ClassRow& row) -> const auto& {
                                                      return row.reading.service;
                                                    })),
      .any_would_be = std::any_of(
          listing.rows.begin(), listing.rows.end(),
          [&](std::size_t row) { return rows[row].reading.enforcement != Enforcement::kEnforce; }),
      .totals = browser.totals(),
      .p99 = browser.draws_p99()};
  Table table{.columns = class_columns(shape)};
  for (std::size_t i = 0; i < window.count; ++i)
    table.rows.push_back(class_cells(rows[listing.rows[window.first + i]], model.history(), shape));
  return table;
}

}  // namespace pulsed::ctl::top
