// What a run found: figures, each a ratio against a baseline of the same run, or a rate, with what it should reach; and
// series, a cost against a size.
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

struct Point {
  double size;
  double value;
  double spread;  // as a figure's
};

// A cost against a size; what the plots show.
struct Series {
  std::string name;       // unique: the name of its plot file, in lower case with hyphens
  std::string title;      // of the plot: what is shown
  std::string size_unit;  // of the x axis, "tasks"
  std::string unit;       // of the y axis
  std::vector<Point> points;

  // The power of the size that the value grows with: the slope of a straight line, least squares, through the logarithms
  // of both. 0: it does not grow. Of at least two points with positive sizes and values.
  [[nodiscard]] double exponent() const;
  // What one more of the size costs, in the value's unit: the slope of a straight line, least squares.
  [[nodiscard]] double slope() const;
};

struct Results {
  std::vector<Figure> figures;
  std::vector<Series> series;
  std::vector<std::string>
      absent;  // what could not be measured, and why: "LTTng-UST: not installed"
};

void print_table(const Results& results);
// {"machine", "figures": [...], "series": [...], "absent": [...]}. False, with a message on stderr, if the file cannot be
// written.
[[nodiscard]] bool write_report(const std::string& path, const std::string& machine,
                                const Results& results);

}  // namespace pulsed::bench
