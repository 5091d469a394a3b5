// Exact instruction counts: a program runs its loops under `valgrind --tool=callgrind`, which dumps what each executed;
// the difference between two lengths of a loop, less the same of the loop without the call, is the call's.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace pulsed::bench {

// What one dump is of.
struct Label {
  std::string name;
  std::string compiler;        // and its flags: "g++-12 -O2"
  std::optional<int> at_most;  // what the design allows
  bool with;                   // the call, or only its loop
  std::uint64_t length;        // rounds of the loop

  [[nodiscard]] std::string text() const;  // one line
  // Nothing if it is none.
  [[nodiscard]] static std::optional<Label> parse(const std::string& text);
};

struct Dump {
  Label label;
  std::uint64_t instructions;
};

// The counts stand for themselves, so they are compared as text: "31", or "86.5" where not all rounds are alike.
struct Count {
  std::string name;
  std::string compiler;
  std::string instructions;
  std::optional<int> at_most;
};

// The machine lacks something: not a failure of what is counted. what() says what.
struct CannotCount : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A file that callgrind wrote. Nothing if it is not of the main thread, or not of a label.
[[nodiscard]] std::optional<Dump> read_dump(std::istream& file);

// In the order of the dumps. Throws std::runtime_error if a loop lacks one of its lengths.
[[nodiscard]] std::vector<Count> counts_of(const std::vector<Dump>& dumps);

// Runs `program --loops` under callgrind. Throws CannotCount, or std::runtime_error with what valgrind said.
[[nodiscard]] std::vector<Count> count_instructions(const std::string& program);

}  // namespace pulsed::bench
