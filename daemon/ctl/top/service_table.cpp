#include "daemon/ctl/top/cells.h"
#include "daemon/ctl/top/tables.h"

namespace pulsed::ctl::top {
namespace {

std::vector<Column> service_columns(bool p99) {
  return {
      {.title = "SERVICE",
       .width = 14,
       .rank = Column::kAlways,
       .side = Side::kLeft,
       .stretches = true,
       .sorts = SortKey::kName},
      {.title = "PID", .width = 7, .rank = 50},
      {.title = "WRK", .width = 4, .rank = 80},
      {.title = "TASKS", .width = 5, .rank = 75},
      {.title = "ABOVE", .width = 5, .rank = 60},
      {.title = "CPU%", .width = 5, .rank = 100, .sorts = SortKey::kCpu},
      {.title = p99 ? "P99" : "CPU",
       .width = 8,
       .rank = 70,
       .side = Side::kLeft,
       .stretches = true,
       .sparkline = true},
      {.title = "POLL/s", .width = 6, .rank = 90, .sorts = SortKey::kPolls},
      {.title = "VIOL/s", .width = 6, .rank = 95, .sorts = SortKey::kViolations},
      {.title = "P99", .width = 5, .rank = 40},
      {.title = "OVER", .width = 4, .rank = 97},
      {.title = "AGE", .width = 5, .rank = 98, .sorts = SortKey::kAge},
      {.title = "BLAME", .width = 8, .rank = 30},
      {.title = "DEMO", .width = 4, .rank = 35},
      {.title = "AWAKE", .width = 5, .rank = 25},
      {.title = "DROPPED", .width = 7, .rank = 20},
  };
}

std::vector<Cell> service_cells(const ServiceRow& row, const History& history, bool p99) {
  const std::string pid =
      row.processes == 1 ? std::to_string(row.pid) : "x " + std::to_string(row.processes);
  return {
      row.quarantined ? Cell{.text = row.service + " (quarantined)", .style = Style::kBad}
                      : Cell{.text = row.service, .style = Style::kBold},
      plain(pid),
      count_cell(row.workers),
      count_cell(row.tasks),
      count_cell(row.tasks_above_monitor, Style::kCaution),
      {.text = percent_text(row.load.cpu)},
      sparkline_cell(history.find({row.service, std::nullopt}), p99),
      rate_cell(row.load.polls),
      rate_cell(row.load.violations, Style::kCaution),
      plain(duration_text(row.poll_p99)),
      count_cell(row.in_flight_over_budget, Style::kBad),
      age_cell(row.oldest),
      blame_cell(row.oldest ? row.oldest->blame : Blame::kUnknown),
      count_cell(row.demoted_threads, Style::kCaution),
      count_cell(row.spare_workers_awake, Style::kCaution),
      count_cell(row.dropped_samples, Style::kCaution),
  };
}

}  // namespace

Table service_table(const Model& model, const Browser& browser, const Listing& listing,
                    Window window) {
  Table table{.columns = service_columns(browser.draws_p99())};
  for (std::size_t i = 0; i < window.count; ++i) {
    const ServiceRow& row = model.rows().services[listing.rows[window.first + i]];
    table.rows.push_back(service_cells(row, model.history(), browser.draws_p99()));
  }
  return table;
}

}  // namespace pulsed::ctl::top
