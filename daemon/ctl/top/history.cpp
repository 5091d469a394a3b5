#include "daemon/ctl/top/history.h"

#include <algorithm>

namespace pulsed::ctl::top {

void Series::push(Value value) {
  values_[next_] = value;
  next_ = (next_ + 1) % kMost;
  size_ = std::min(size_ + 1, kMost);
}

std::vector<Series::Value> Series::last(std::size_t count) const {
  count = std::min(count, size_);
  std::vector<Value> out;
  out.reserve(count);
  for (std::size_t i = kMost - count; i < kMost; ++i) out.push_back(values_[(next_ + i) % kMost]);
  return out;
}

void History::push(const Key& key, Series::Value cpu, Series::Value p99) {
  Past& past = rows_[key];
  past.cpu.push(cpu);
  past.p99.push(p99);
  past.seen = true;
}

void History::forget_unseen() {
  std::erase_if(rows_, [](const auto& row) { return !row.second.seen; });
  for (auto& [key, past] : rows_) past.seen = false;
}

const Past* History::find(const Key& key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second;
}

}  // namespace pulsed::ctl::top
