#include "daemon/ctl/top/model.h"

#include <utility>

namespace pulsed::ctl::top {
namespace {

// A percentile of no poll is not known, rather than zero.
Series::Value in_seconds(Duration duration) {
  if (duration <= Duration{}) return std::nullopt;
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void Model::take(Reading reading) {
  if (latest_ && restarted(reading, *latest_)) history_.clear();
  rows_ = rows_of(reading, latest_ ? &*latest_ : nullptr);
  latest_ = std::move(reading);
  lost_.reset();
  remember();
}

void Model::remember() {
  for (const ServiceRow& row : rows_.services)
    history_.push({row.service, std::nullopt}, row.load.cpu, in_seconds(row.poll_p99));
  for (const ClassRow& row : rows_.classes)
    history_.push({row.reading.service, row.reading.task_class}, row.load.cpu,
                  in_seconds(row.reading.poll_p99));
  history_.forget_unseen();
}

}  // namespace pulsed::ctl::top
