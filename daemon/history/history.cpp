#include "daemon/history/history.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <random>
#include <utility>

namespace pulsed::history {
namespace {

std::string random_epoch() {
  std::random_device device;
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x%08x", device(), device());
  return digits.data();
}

std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

History::History(Limits limits) : limits_(limits), epoch_(random_epoch()) {}

void History::append(std::string_view json) {
  std::string text = "id: " + epoch_ + '-' + std::to_string(last() + 1) + "\nevent: moment\ndata: ";
  text.reserve(text.size() + json.size() + 2);
  text += json;
  text += "\n\n";
  auto shared = std::make_shared<const std::string>(std::move(text));
  std::vector<Text> dropped;  // freed outside of the lock
  {
    const std::lock_guard lock(mutex_);
    bytes_ += shared->size();
    texts_.push_back(std::move(shared));
    ++last_;
    while (texts_.size() > 1 && (texts_.size() > limits_.moments || bytes_ > limits_.bytes)) {
      bytes_ -= texts_.front()->size();
      dropped.push_back(std::move(texts_.front()));
      texts_.pop_front();
    }
  }
  const std::lock_guard lock(call_mutex_);
  if (call_) call_();
}

void History::on_append(std::function<void()> call) {
  const std::lock_guard lock(call_mutex_);
  call_ = std::move(call);
}

std::uint64_t History::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

std::uint64_t History::wanted_after(std::string_view last_event_id) const {
  std::optional<std::uint64_t> seen;
  if (last_event_id.starts_with(epoch_ + '-')) {
    seen = number(last_event_id.substr(epoch_.size() + 1));
  }
  const std::lock_guard lock(mutex_);
  if (!seen || *seen > last_) return first();
  return std::max(*seen + 1, first());
}

History::Found History::from(std::uint64_t number, std::size_t most) const {
  const std::lock_guard lock(mutex_);
  if (number > last_) return {};
  if (number < first()) return {.lost = true};
  const auto begin = texts_.begin() + static_cast<std::ptrdiff_t>(number - first());
  const auto count = std::min<std::size_t>(most, last_ - number + 1);
  return {.texts = {begin, begin + static_cast<std::ptrdiff_t>(count)}};
}

}  // namespace pulsed::history
