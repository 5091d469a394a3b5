#include <algorithm>

#include "daemon/ctl/top/cells.h"
#include "daemon/ctl/top/tables.h"

namespace pulsed::ctl::top {
namespace {

// "name  fact  fact": facts that have nothing to say are left out.
class Detail {
 public:
  explicit Detail(std::string_view name) : text_(name) {}
  Detail& add(std::string_view fact) {
    if (!fact.empty()) (text_ += "  ") += fact;
    return *this;
  }
  Detail& add(std::string_view label, Duration duration) {
    if (duration <= Duration{}) return *this;
    return add(std::string(label) + " " + duration_text(duration));
  }
  Detail& add(std::string_view label, std::uint64_t count) {
    if (count == 0) return *this;
    return add(std::string(label) + " " + number_text(static_cast<double>(count)));
  }
  [[nodiscard]] std::string text() const { return text_; }

 private:
  std::string text_;
};

std::string of_service(const ServiceRow& row) {
  Detail detail(row.service);
  if (row.quarantined) detail.add("quarantined: its shared memory held nonsense");
  return detail.add("processes", row.processes)
      .add("tasks above monitor", row.tasks_above_monitor)
      .add("demoted", row.demoted_threads)
      .add("spares awake", row.spare_workers_awake)
      .add("dropped", row.dropped_samples)
      .text();
}

std::string tasks_text(const ClassReading& reading) {
  std::string text = "tasks";
  for (std::size_t i = 0; i < kTierCount; ++i) {
    text += ' ';
    text += letter(static_cast<Tier>(i));
    text += number_text(static_cast<double>(reading.tasks_by_tier[i]));
  }
  return text;
}

std::string of_class(const ClassRow& row) {
  const ClassReading& now = row.reading;
  Detail detail(shown_class(now.task_class));
  detail.add(std::string(name(now.tier)) + (now.pinned ? ", pinned" : ""));
  if (row.oldest) detail.add("in flight", row.in_flight).add(name(row.oldest->blame));
  detail.add("p50", now.poll_p50).add("p99", now.poll_p99).add("queue wait", now.queue_wait_p99);
  if (now.enforcement != Enforcement::kEnforce) detail.add("would cover", now.would_be_cpu);
  detail.add(name(now.enforcement)).add(tasks_text(now));
  return detail.text();
}

std::string of_worker(const WorkerReading& worker) {
  Detail detail(worker.service);
  detail.add(worker.thread_name)
      .add("pid " + std::to_string(worker.pid))
      .add("tid " + std::to_string(worker.thread_id));
  if (worker.in_flight)
    detail.add(shown_class(worker.in_flight->task_class)).add(name(worker.in_flight->tier));
  return detail.add("dropped", worker.dropped_samples).text();
}

}  // namespace

std::string detail_of(const Model& model, const Browser& browser, const Listing& listing) {
  if (listing.rows.empty()) return {};
  const std::size_t row =
      listing.rows[std::min(browser.place().selected_at, listing.rows.size() - 1)];
  switch (listing.view) {
    case View::kServices:
      return of_service(model.rows().services[row]);
    case View::kClasses:
      return of_class(model.rows().classes[row]);
    case View::kWorkers:
      return of_worker(model.rows().workers[row]);
  }
  return {};
}

}  // namespace pulsed::ctl::top
