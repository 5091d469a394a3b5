#include "tests/bench/figure.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

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

std::string machine() {
  std::string model = "unknown CPU";
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("model name")) continue;
    model = line.substr(line.find(':') + 2);
    break;
  }
  return model + ", " + std::to_string(std::thread::hardware_concurrency()) + " CPUs";
}

void print_table(const std::vector<Figure>& figures) {
  std::size_t names = 0, baselines = 0;
  for (const Figure& f : figures) {
    names = std::max(names, f.name.size());
    baselines = std::max(baselines, f.baseline.size());
  }
  const auto width = [](std::size_t n) { return static_cast<int>(n); };
  for (const Figure& f : figures) {
    const char* verdict = !f.met() ? "" : *f.met() ? "met" : "short";
    std::printf("%-*s %9.3f +- %-7.3f %-13s %-*s  %-10s %s\n", width(names), f.name.c_str(),
                f.value, f.spread, f.unit.c_str(), width(baselines), f.baseline.c_str(),
                f.target_text().c_str(), verdict);
  }
}

bool write_report(const std::string& path, const std::vector<Figure>& figures) {
  nlohmann::ordered_json report{{"machine", machine()},
                                {"figures", nlohmann::ordered_json::array()}};
  for (const Figure& f : figures) {
    nlohmann::ordered_json entry{{"name", f.name},         {"value", f.value},
                                 {"spread", f.spread},     {"unit", f.unit},
                                 {"baseline", f.baseline}, {"target", f.target_text()}};
    const std::optional<bool> met = f.met();
    entry["met"] = met ? nlohmann::ordered_json(*met) : nlohmann::ordered_json(nullptr);
    report["figures"].push_back(std::move(entry));
  }
  std::ofstream file(path);
  file << report.dump(2) << '\n';
  if (file.flush()) return true;
  std::fprintf(stderr, "pulsed-bench: cannot write %s\n", path.c_str());
  return false;
}

}  // namespace pulsed::bench
