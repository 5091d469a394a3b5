#include "daemon/ctl/top/listing.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "daemon/ctl/top/filter.h"

namespace pulsed::ctl::top {
namespace {

// One row as sorting and filtering see it.
struct Entry {
  std::size_t row = 0;
  std::string id;
  double measure = 0;
  bool chosen = true;  // by the filter
};

// What is not known comes after everything that is.
double measure(const Rate& rate) { return rate.value_or(-1); }
double measure(const std::optional<Oldest>& oldest) {
  return oldest ? static_cast<double>(oldest->age.count()) : -1;
}

double measure(const Load& load, const std::optional<Oldest>& oldest, SortKey key) {
  switch (key) {
    case SortKey::kPolls:
      return measure(load.polls);
    case SortKey::kCpu:
      return measure(load.cpu);
    case SortKey::kViolations:
      return measure(load.violations);
    case SortKey::kAge:
      return measure(oldest);
    case SortKey::kName:
      break;
  }
  return 0;
}

double measure(const WorkerReading& worker, SortKey key) {
  if (!worker.in_flight || key == SortKey::kName) return key == SortKey::kName ? 0 : -1;
  return static_cast<double>(
      (key == SortKey::kCpu ? worker.in_flight->cpu : worker.in_flight->age).count());
}

std::string padded(std::uint32_t number) {
  char out[16];
  const int length = std::snprintf(out, sizeof(out), "%010u", number);
  return {out, static_cast<std::size_t>(length)};
}

// A name cannot hold a NUL, so parts cannot run into each other; numbers are padded to sort as such.
std::string joined(std::string_view first, std::string_view second) {
  std::string out(first);
  out += '\0';
  out += second;
  return out;
}

std::vector<Entry> service_entries(const Rows& rows, SortKey key, std::string_view filter) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < rows.services.size(); ++i) {
    const ServiceRow& row = rows.services[i];
    entries.push_back(
        {i, row.service, measure(row.load, row.oldest, key), any_passes(filter, {row.service})});
  }
  return entries;
}

std::vector<Entry> class_entries(const Rows& rows, const Scope& scope, SortKey key,
                                 std::string_view filter) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < rows.classes.size(); ++i) {
    const ClassRow& row = rows.classes[i];
    const ClassReading& reading = row.reading;
    if (scope.service && reading.service != *scope.service) continue;
    const bool chosen =
        any_passes(filter, {scope.service ? std::string_view{} : std::string_view(reading.service),
                            shown_class(reading.task_class)});
    entries.push_back({i, joined(reading.service, reading.task_class),
                       measure(row.load, row.oldest, key), chosen});
  }
  return entries;
}

bool belongs(const WorkerReading& worker, const Scope& scope) {
  if (scope.service && worker.service != *scope.service) return false;
  return !scope.task_class ||
         (worker.in_flight && worker.in_flight->task_class == *scope.task_class);
}

std::vector<Entry> worker_entries(const Rows& rows, const Scope& scope, SortKey key,
                                  std::string_view filter) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < rows.workers.size(); ++i) {
    const WorkerReading& worker = rows.workers[i];
    if (!belongs(worker, scope)) continue;
    const std::string_view polled =
        worker.in_flight ? shown_class(worker.in_flight->task_class) : std::string_view{};
    const bool chosen = any_passes(filter, {worker.service, worker.thread_name, polled});
    entries.push_back({i, joined(worker.service, padded(worker.pid) + padded(worker.line)),
                       measure(worker, key), chosen});
  }
  return entries;
}

std::vector<Entry> entries_of(const Rows& rows, View view, const Scope& scope, SortKey key,
                              std::string_view filter) {
  switch (view) {
    case View::kServices:
      return service_entries(rows, key, filter);
    case View::kClasses:
      return class_entries(rows, scope, key, filter);
    case View::kWorkers:
      return worker_entries(rows, scope, key, filter);
  }
  return {};
}

void sort(std::vector<Entry>& entries, const Order& order) {
  const bool by_name = order.key == SortKey::kName;
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    if (by_name) return order.reversed ? b.id < a.id : a.id < b.id;
    if (a.measure != b.measure) return (a.measure > b.measure) != order.reversed;
    return a.id < b.id;
  });
}

}  // namespace

Listing list(const Rows& rows, View view, const Scope& scope, const Order& order,
             std::string_view filter) {
  std::vector<Entry> entries = entries_of(rows, view, scope, order.key, filter);
  Listing listing{.view = view, .in_scope = entries.size()};
  std::erase_if(entries, [](const Entry& entry) { return !entry.chosen; });
  sort(entries, order);
  for (Entry& entry : entries) {
    listing.rows.push_back(entry.row);
    listing.ids.push_back(std::move(entry.id));
  }
  return listing;
}

std::string_view name(View view) {
  constexpr std::string_view kNames[] = {"services", "classes", "workers"};
  return kNames[static_cast<std::size_t>(view)];
}

std::string_view name(SortKey key) {
  constexpr std::string_view kNames[] = {"polls", "cpu", "violations", "age", "name"};
  return kNames[static_cast<std::size_t>(key)];
}

bool sorts_by(View view, SortKey key) {
  return view != View::kWorkers || (key != SortKey::kPolls && key != SortKey::kViolations);
}

std::string_view shown_class(std::string_view task_class) {
  return task_class.empty() ? kNoClass : task_class;
}

}  // namespace pulsed::ctl::top
