#include "daemon/config/config_error.h"

#include <algorithm>

namespace pulsed::config {

std::string text(const ConfigError& error) {
  std::string out = error.source;
  if (error.at.line > 0) {
    out += ":" + std::to_string(error.at.line) + ":" + std::to_string(error.at.column);
  }
  return out + ": " + error.message;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 60;
  std::size_t length = std::min(text.size(), kMost);
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  while (length > 0 && length < text.size() && continues(text[length])) --length;
  std::string out(text.substr(0, length));
  std::replace_if(
      out.begin(), out.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; }, '?');
  return length < text.size() ? out + "..." : out;
}

void Diagnostics::add(Position at, std::string message) {
  if (full()) {
    ++left_out_;
    return;
  }
  errors_.push_back({source_, at, std::move(message)});
}

std::vector<ConfigError> Diagnostics::take() {
  std::stable_sort(errors_.begin(), errors_.end(),
                   [](const ConfigError& a, const ConfigError& b) { return a.at < b.at; });
  if (left_out_ > 0) {
    errors_.push_back({source_, {}, "and " + std::to_string(left_out_) + " more errors"});
  }
  return std::move(errors_);
}

}  // namespace pulsed::config
