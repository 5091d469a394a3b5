#include "tests/bench/interleaved.h"

#include <time.h>

#include <algorithm>
#include <stdexcept>

namespace pulsed::bench {
namespace {

double monotonic_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

Summary summarise(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) {
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
  };
  return {at(0.5), (at(0.75) - at(0.25)) / 2};
}

template <typename Combine>
Summary combine(const std::vector<double>& a, const std::vector<double>& b, Combine&& f) {
  std::vector<double> values;
  for (std::size_t i = 0; i < a.size(); ++i) values.push_back(f(a[i], b[i]));
  return summarise(std::move(values));
}

}  // namespace

Turns Turns::of(const std::vector<Loop>& loops, int turns) {
  Turns t;
  for (const Loop& loop : loops) t.names_.push_back(loop.name);
  t.ns_.resize(loops.size());
  for (int turn = 0; turn <= turns; ++turn) {
    for (std::size_t i = 0; i < loops.size(); ++i) {
      loops[i].prepare();
      const double begin = monotonic_ns();
      loops[i].run();
      const double took = monotonic_ns() - begin;
      if (turn > 0) t.ns_[i].push_back(took / static_cast<double>(loops[i].operations));
    }
  }
  return t;
}

void Turns::add(const Turns& more) {
  if (names_.empty()) {
    *this = more;
    return;
  }
  for (std::size_t i = 0; i < ns_.size(); ++i) {
    ns_[i].insert(ns_[i].end(), more.ns_[i].begin(), more.ns_[i].end());
  }
}

const std::vector<double>& Turns::times(const std::string& loop) const {
  const auto found = std::find(names_.begin(), names_.end(), loop);
  if (found == names_.end()) throw std::logic_error("no loop is called " + loop);
  return ns_[static_cast<std::size_t>(found - names_.begin())];
}

Summary Turns::ratio(const std::string& loop, const std::string& baseline) const {
  return combine(times(loop), times(baseline), [](double a, double b) { return a / b; });
}
Summary Turns::ns(const std::string& loop) const { return summarise(times(loop)); }
Summary Turns::ns_beyond(const std::string& loop, const std::string& baseline) const {
  return combine(times(loop), times(baseline), [](double a, double b) { return a - b; });
}
Summary Turns::millions_per_second(const std::string& loop) const {
  std::vector<double> rates;
  for (const double ns : times(loop)) rates.push_back(1e3 / ns);
  return summarise(std::move(rates));
}

}  // namespace pulsed::bench
