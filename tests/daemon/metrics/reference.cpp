// The reference of all metrics in dashboards/README.md, made from the catalogue.
//
//   metrics_reference dashboards/README.md           compares what stands between the two marks; exit status 1: it differs
//   metrics_reference --write dashboards/README.md   puts it there
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/metrics/catalogue.h"
#include "daemon/metrics/series_count.h"

namespace pulsed::metrics {
namespace {

constexpr std::string_view kBegin =
    "<!-- metrics reference: begin; made by metrics_reference -->\n";
constexpr std::string_view kEnd = "<!-- metrics reference: end -->\n";

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kCounter:
      return "counter";
    case Type::kGauge:
      return "gauge";
    case Type::kHistogram:
      break;
  }
  return "histogram";
}

std::string labels(const Entry& e) {
  std::string text;
  for (const std::string_view label : e.labels) {
    if (label.empty()) break;
    if (!text.empty()) text += ", ";
    text += "`" + std::string(label) + "`";
  }
  return text;
}

// Safe in a cell of a table, where < and | mean something.
std::string cell(std::string_view help) {
  std::string text;
  for (const char c : help) {
    if (c == '|' || c == '<' || c == '*' || c == '_') text += '\\';
    text += c;
  }
  return text;
}

template <typename Bounds>
std::string seconds(const Bounds& bounds_ns) {
  std::ostringstream text;
  for (const std::uint64_t bound : bounds_ns) {
    text << (text.tellp() == 0 ? "" : ", ") << static_cast<double>(bound) / 1e9;
  }
  return text.str();
}

void write_table(std::ostream& out, Scope what, std::string_view title) {
  out << "\n#### " << title << "\n\n| name | type | labels | how to read it |\n|---|---|---|---|\n";
  for (const Entry& e : catalogue()) {
    if (scope(e) != what) continue;
    out << "| `" << e.name << "` | " << type_name(e.type) << " | " << labels(e) << " | "
        << cell(e.help) << " |\n";
  }
}

std::string reference() {
  std::ostringstream out;
  out << "\nA scrape has " << series_of(Scope::kClass) << " samples a class, "
      << series_of(Scope::kService) << " a service and " << series_of(Scope::kDaemon)
      << " of the daemon, and one more for each pair of `from` and `to` and of `method` and `code` "
         "that has happened:\nthat is `scrape_samples_scraped`.\n\n"
      << "Bounds of histograms, in seconds: " << seconds(kPublishedDurationBoundsNs)
      << ";\nof the two of ticks: " << seconds(kTickBoundsNs) << ".\n";
  write_table(out, Scope::kClass, "Of a class of a service");
  write_table(out, Scope::kService, "Of a service");
  write_table(out, Scope::kDaemon, "Of the daemon");
  out << "\n";
  return out.str();
}

// The text with the reference in its place; nothing: it has no place.
std::optional<std::string> renewed(const std::string& text) {
  const std::size_t begin = text.find(kBegin);
  const std::size_t end = text.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  return text.substr(0, begin + kBegin.size()) + reference() + text.substr(end);
}

int run(const std::string& path, bool write) {
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto wanted = renewed(text);
  if (!wanted) {
    std::cerr << path << " cannot be read, or lacks the two lines\n" << kBegin << kEnd;
    return 2;
  }
  if (*wanted == text) return 0;
  if (write) return std::ofstream(path) << *wanted << std::flush ? 0 : 2;
  std::cerr << path << " does not show the metrics of the catalogue. Renew it with\n"
            << "  build/bin/tests/metrics_reference --write dashboards/README.md\n";
  return 1;
}

}  // namespace
}  // namespace pulsed::metrics

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1) return pulsed::metrics::run(arguments[0], false);
  if (arguments.size() == 2 && arguments[0] == "--write")
    return pulsed::metrics::run(arguments[1], true);
  std::cerr << "usage: metrics_reference [--write] dashboards/README.md\n";
  return 2;
}
