#include "daemon/ctl/top/cells.h"
#include "daemon/ctl/top/tables.h"

namespace pulsed::ctl::top {
namespace {

std::vector<Column> worker_columns(bool one_service) {
  std::vector<Column> columns{
      {.title = "PID", .width = 7, .rank = 70},
      {.title = "LINE", .width = 4, .rank = 65},
      {.title = "THREAD",
       .width = 8,
       .rank = 80,
       .side = Side::kLeft,
       .stretches = true,
       .sorts = SortKey::kName},
      {.title = "KIND", .width = 6, .rank = 75, .side = Side::kLeft},
      {.title = "POLLS CLASS",
       .width = 14,
       .rank = Column::kAlways,
       .side = Side::kLeft,
       .stretches = true},
      {.title = "T", .width = 1, .rank = 100, .side = Side::kLeft},
      {.title = "AGE", .width = 5, .rank = 100, .sorts = SortKey::kAge},
      {.title = "CPU", .width = 5, .rank = 95, .sorts = SortKey::kCpu},
      {.title = "BLAME", .width = 8, .rank = 90, .side = Side::kLeft},
      {.title = "NOTE", .width = 8, .rank = 85, .side = Side::kLeft},
      {.title = "TID", .width = 7, .rank = 30},
      {.title = "DROPPED", .width = 7, .rank = 20},
  };
  if (!one_service)
    columns.insert(
        columns.begin(),
        Column{.title = "SERVICE", .width = 8, .rank = 72, .side = Side::kLeft, .stretches = true});
  return columns;
}

std::string_view kind_text(const WorkerReading& worker) {
  switch (worker.kind) {
    case WorkerKind::kOrdinary:
      return "";
    case WorkerKind::kIsolation:
      return "isol";
    case WorkerKind::kSpare:
      return worker.awake ? "spare" : "parked";
  }
  return "";
}

std::string note_text(const PollReading& poll) {
  if (poll.demoted) return poll.over_budget ? "over+dem" : "demoted";
  return poll.over_budget ? "over" : "";
}

void add_poll(std::vector<Cell>& cells, const PollReading& poll) {
  cells.push_back({.text = std::string(shown_class(poll.task_class)), .style = Style::kBold});
  cells.push_back(tier_cell(poll.tier, false));
  cells.push_back(age_cell(Oldest{.age = poll.age, .over_budget = poll.over_budget}));
  cells.push_back(plain(duration_text(poll.cpu)));
  cells.push_back(blame_cell(poll.blame));
  cells.push_back(
      {.text = note_text(poll), .style = poll.over_budget ? Style::kBad : Style::kCaution});
}

std::vector<Cell> worker_cells(const WorkerReading& worker, bool one_service) {
  std::vector<Cell> cells;
  if (!one_service) cells.push_back(plain(worker.service));
  cells.push_back(plain(std::to_string(worker.pid)));
  cells.push_back(plain(std::to_string(worker.line)));
  cells.push_back(plain(worker.thread_name));
  cells.push_back(plain(std::string(kind_text(worker))));
  if (worker.in_flight) {
    add_poll(cells, *worker.in_flight);
  } else {
    cells.push_back({.text = "-", .style = Style::kDim});
    cells.resize(cells.size() + 5);
  }
  cells.push_back(plain(std::to_string(worker.thread_id)));
  cells.push_back(count_cell(worker.dropped_samples, Style::kCaution));
  return cells;
}

}  // namespace

Table worker_table(const Model& model, const Browser& browser, const Listing& listing,
                   Window window) {
  const std::vector<WorkerReading>& rows = model.rows().workers;
  const bool one_service =
      browser.scope().service ||
      (!window.for_scripts &&
       of_one_service(
           rows, [](const WorkerReading& row) -> const auto& { return row.service; }));
  Table table{.columns = worker_columns(one_service)};
  for (std::size_t i = 0; i < window.count; ++i) {
    const WorkerReading& worker = rows[listing.rows[window.first + i]];
    table.rows.push_back(worker_cells(worker, one_service));
  }
  return table;
}

Table table_of(const Model& model, const Browser& browser, const Listing& listing, Window window) {
  switch (listing.view) {
    case View::kServices:
      return service_table(model, browser, listing, window);
    case View::kClasses:
      return class_table(model, browser, listing, window);
    case View::kWorkers:
      return worker_table(model, browser, listing, window);
  }
  return {};
}

}  // namespace pulsed::ctl::top
