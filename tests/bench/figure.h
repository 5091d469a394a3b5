// One result: a ratio against a baseline of the same run, or a rate, with what it should reach.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pulsed::bench {

enum class Target { kAtMost, kAtLeast, kNone };

struct Figure {
  std::string name;
  double value;
  double spread;  // half the distance between the quartiles over the repetitions, in the same unit
  std::string unit;
  std::string baseline;
  Target target = Target::kNone;
  double bound = 0;

  // Nothing where there is no target: the figure is only reported.
  [[nodiscard]] std::optional<bool> met() const;
  [[nodiscard]] std::string target_text() const;
};

[[nodiscard]] std::string machine();
void print_table(const std::vector<Figure>& figures);
// False, with a message on stderr, if the file cannot be written.
[[nodiscard]] bool write_report(const std::string& path, const std::vector<Figure>& figures);

}  // namespace pulsed::bench
