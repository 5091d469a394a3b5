#include "tests/bench/figure.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

namespace pulsed::bench {

std::optional<bool> Figure::met() const {
  if (target == Target::kNone) return std::nullopt;
  return target == Target::kAtMost ? value <= bound : value >= bound;
}

std::string Figure::target_text() const {
  if (target == Target::kNone) return "reported";
  char text[64];
  std::snprintf(text, sizeof(text), "%s %g", target == Target::kAtMost ? "<=" : ">=", bound);
  return text;
}

namespace {

// The slope of the least-squares line through y over x.
double slope_of(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sx += x[i];
    sy += y[i];
    sxx += x[i] * x[i];
    sxy += x[i] * y[i];
  }
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

}  // namespace

double Series::exponent() const {
  std::vector<double> x, y;
  for (const Point& p : points) {
    x.push_back(std::log(p.size));
    y.push_back(std::log(p.value));
  }
  return slope_of(x, y);
}

double Series::slope() const {
  std::vector<double> x, y;
  for (const Point& p : points) {
    x.push_back(p.size);
    y.push_back(p.value);
  }
  return slope_of(x, y);
}

void print_table(const Results& results) {
  std::size_t names = 0, baselines = 0;
  for (const Figure& f : results.figures) {
    names = std::max(names, f.name.size());
    baselines = std::max(baselines, f.baseline.size());
  }
  const auto width = [](std::size_t n) { return static_cast<int>(n); };
  for (const Figure& f : results.figures) {
    const char* verdict = !f.met() ? "" : *f.met() ? "met" : "short";
    std::printf("%-*s %9.3f +- %-7.3f %-13s %-*s  %-10s %s\n", width(names), f.name.c_str(),
                f.value, f.spread, f.unit.c_str(), width(baselines), f.baseline.c_str(),
                f.target_text().c_str(), verdict);
  }
  for (const std::string& what : results.absent) std::printf("%s\n", what.c_str());
}

bool write_report(const std::string& path, const std::string& machine, const Results& results) {
  nlohmann::ordered_json report{{"machine", machine},
                                {"figures", nlohmann::ordered_json::array()},
                                {"series", nlohmann::ordered_json::array()},
                                {"absent", results.absent}};
  for (const Figure& f : results.figures) {
    nlohmann::ordered_json entry{{"name", f.name},         {"value", f.value},
                                 {"spread", f.spread},     {"unit", f.unit},
                                 {"baseline", f.baseline}, {"target", f.target_text()}};
    const std::optional<bool> met = f.met();
    entry["met"] = met ? nlohmann::ordered_json(*met) : nlohmann::ordered_json(nullptr);
    report["figures"].push_back(std::move(entry));
  }
  for (const Series& series : results.series) {
    nlohmann::ordered_json points = nlohmann::ordered_json::array();
    for (const Point& p : series.points) {
      points.push_back({{"size", p.size}, {"value", p.value}, {"spread", p.spread}});
    }
    report["series"].push_back({{"name", series.name},
                                {"title", series.title},
                                {"size_unit", series.size_unit},
                                {"unit", series.unit},
                                {"points", std::move(points)}});
  }
  std::ofstream file(path);
  file << report.dump(2) << '\n';
  if (file.flush()) return true;
  std::fprintf(stderr, "pulsed-bench: cannot write %s\n", path.c_str());
  return false;
}

}  // namespace pulsed::bench
