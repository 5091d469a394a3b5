// What was wrong with what an operator wrote, where, and what to do: the results of reading files
// and flags.
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pulsed::config {

// Lines and columns count from 1, columns in bytes; line 0 means the source as a whole.
struct Position {
  int line = 0;
  int column = 0;
  friend auto operator<=>(Position, Position) = default;
};

struct ConfigError {
  std::string source;  // a file, a flag or an environment variable
  Position at;
  std::string message;
  friend bool operator==(const ConfigError&, const ConfigError&) = default;
};

// "policy.yaml:3:5: unknown key `pol_budget`; did you mean `poll_budget`?"
[[nodiscard]] std::string text(const ConfigError& error);

// What a message may repeat of a person's text: at most 60 bytes, cut between characters, without
// control characters.
[[nodiscard]] std::string shown(std::string_view text);

// The value is there if and only if there are no errors. Warnings can stand beside a value.
template <typename T>
struct [[nodiscard]] Outcome {
  std::optional<T> value;
  std::vector<ConfigError> errors;
  std::vector<ConfigError> warnings;
  explicit operator bool() const { return value.has_value(); }
};

// One text read as one value: the value, or why not. It knows no position.
template <typename T>
struct [[nodiscard]] Reading {
  std::optional<T> value;
  std::string fault;
  explicit operator bool() const { return value.has_value(); }
};

// Collects the errors of one source, up to a bound, and counts the rest.
class Diagnostics {
 public:
  static constexpr std::size_t kMost = 20;

  explicit Diagnostics(std::string_view source) : source_(source) {}

  void add(Position at, std::string message);
  // Whether another message would only be counted: who builds messages at a cost can leave it.
  [[nodiscard]] bool full() const { return errors_.size() >= kMost; }
  [[nodiscard]] bool clean() const { return errors_.empty(); }

  // In the order of the file; one last error says how many were left out.
  [[nodiscard]] std::vector<ConfigError> take();

 private:
  std::string source_;
  std::vector<ConfigError> errors_;
  std::size_t left_out_ = 0;
};

}  // namespace pulsed::config
