// What a family of metrics must be to be read by people: base units, `_total`, a HELP that says something, labels that are
// known. Stricter than promtool.
#pragma once

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

namespace pulsed::metrics {

struct Described {
  std::string name;
  std::string type;  // as in the text format
  std::string help;
  std::set<std::string> labels;
};

namespace lint_detail {

inline constexpr std::array<std::string_view, 3> kBaseUnits{"seconds", "bytes", "info"};
// What is no counter and has no unit: a count of things now, a yes or no, a place on a scale.
inline constexpr std::array<std::string_view, 14> kNouns{
    "tasks",   "tier",     "polls", "workers", "threads", "quarantined", "processes",
    "classes", "priority", "times", "demote",  "durable", "fds",         "watchers"};
inline constexpr auto kOtherUnits = std::to_array<std::string_view>(
    {"ms",        "us",          "ns",           "sec",      "secs",        "second",
     "millis",    "millisecond", "milliseconds", "micros",   "microsecond", "microseconds",
     "nanos",     "nanosecond",  "nanoseconds",  "minute",   "minutes",     "hour",
     "hours",     "day",         "days",         "kb",       "mb",          "gb",
     "kib",       "mib",         "gib",          "kilobyte", "kilobytes",   "megabyte",
     "megabytes", "gigabyte",    "gigabytes",    "kibibyte", "kibibytes",   "mebibyte",
     "mebibytes", "gibibyte",    "gibibytes",    "byte",     "bit",         "bits",
     "percent",   "percents",    "pct",          "permille", "cycle",       "cycles",
     "jiffy",     "jiffies"});
inline constexpr std::array<std::string_view, 3> kTakenBySamples{"count", "sum", "bucket"};
inline constexpr std::array<std::string_view, 15> kLabels{
    "service", "class", "tier",     "enforcement",       "from",    "to",     "directive", "blame",
    "state",   "le",    "revision", "enforcement_limit", "version", "method", "code"};
inline constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";

inline std::string about_words(const Described& d) {
  if (d.name.ends_with('_')) return "an empty word";
  std::string_view rest = d.name;
  std::string_view last;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('_'), rest.size());
    last = rest.substr(0, end);
    if (last.empty()) return "an empty word";
    for (const char c : last) {
      if (kLetters.find(c) == std::string_view::npos) return "something else than small letters";
    }
    if (std::ranges::find(kOtherUnits, last) != kOtherUnits.end())
      return "`" + std::string(last) + "`, which is no base unit";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if ((last == "total") != (d.type == "counter")) return "`_total`, which counters alone have";
  if (std::ranges::find(kTakenBySamples, last) != kTakenBySamples.end())
    return "an end that samples of histograms have";
  if (d.type == "histogram" && last != "seconds") return "a histogram of something else than time";
  const bool is_known = std::ranges::find(kBaseUnits, last) != kBaseUnits.end() ||
                        std::ranges::find(kNouns, last) != kNouns.end();
  if (last != "total" && !is_known) return "no base unit and no known noun at its end";
  return {};
}

inline std::string about_help(const Described& d) {
  if (d.help.size() < 20) return "a HELP that says nothing";
  if (!d.help.ends_with('.')) return "a HELP that is no sentence";
  if (d.help.front() >= 'a' && d.help.front() <= 'z') return "a HELP that begins in the middle";
  return {};
}

}  // namespace lint_detail

inline bool is_allowed_label(std::string_view label) {
  return std::ranges::find(lint_detail::kLabels, label) != lint_detail::kLabels.end();
}

// What is wrong, after the name; empty: nothing.
inline std::string lint(const Described& d) {
  const auto has = [&](std::string_view what) { return d.name + " has " + std::string(what); };
  if (!d.name.starts_with("pulsed_") && !d.name.starts_with("process_"))
    return has("a name that others may have");
  if (d.type != "counter" && d.type != "gauge" && d.type != "histogram") return has("no type");
  if (const std::string wrong = lint_detail::about_words(d); !wrong.empty()) return has(wrong);
  if (const std::string wrong = lint_detail::about_help(d); !wrong.empty()) return has(wrong);
  for (const std::string& label : d.labels) {
    if (!is_allowed_label(label)) return has("the label `" + label + "`, which is not allowed");
  }
  return {};
}

}  // namespace pulsed::metrics
