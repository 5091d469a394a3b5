// The last values of a row, for its sparkline. Bounded: kMost values a row, and rows that are gone are forgotten.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pulsed::ctl::top {

// A ring of the last kMost values; one that is not known is a gap.
class Series {
 public:
  static constexpr std::size_t kMost = 120;
  using Value = std::optional<double>;

  void push(Value value);
  // Oldest first, at most `count` of them.
  [[nodiscard]] std::vector<Value> last(std::size_t count) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::array<Value, kMost> values_{};
  std::size_t next_ = 0;
  std::size_t size_ = 0;
};

// What rows a sparkline is drawn of.
struct Past {
  Series cpu;
  Series p99;
  bool seen = false;  // in the latest reading
};

// By service and class; by service alone the class is not set.
class History {
 public:
  using Key = std::pair<std::string, std::optional<std::string>>;

  void push(const Key& key, Series::Value cpu, Series::Value p99);
  void forget_unseen();  // after all rows of a reading were pushed
  void clear() { rows_.clear(); }
  [[nodiscard]] const Past* find(const Key& key) const;
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

 private:
  std::map<Key, Past> rows_;
};

}  // namespace pulsed::ctl::top
