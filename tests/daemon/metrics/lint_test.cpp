#include "tests/daemon/metrics/lint.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>

#include "daemon/metrics/catalogue.h"
#include "daemon/metrics/exposition.h"
#include "tests/daemon/metrics/exposition_text.h"

namespace pulsed::metrics {
namespace {

Described good() {
  return {"pulsed_polls_total", "counter", "Polls that ended, of one class.", {"service", "class"}};
}

std::string of_name(const std::string& name, const std::string& type = "gauge") {
  Described d = good();
  d.name = name;
  d.type = type;
  return lint(d);
}

TEST_CASE("the lint lets good families pass") {
  CHECK(lint(good()) == "");
  CHECK(of_name("pulsed_poll_duration_seconds", "histogram") == "");
  CHECK(of_name("process_resident_memory_bytes") == "");
  CHECK(of_name("pulsed_cpu_seconds_total", "counter") == "");
  CHECK(of_name("pulsed_build_info") == "");
}

TEST_CASE("the lint refuses units that are not base units, of whatever type the family is") {
  for (const char* word :
       {"ms",          "us",     "ns",     "millis",  "milliseconds", "microseconds",
        "nanoseconds", "second", "minute", "minutes", "hour",         "hours",
        "day",         "days",   "kb",     "mib",     "kilobyte",     "kilobytes",
        "gibibytes",   "byte",   "bits",   "percent", "cycles"}) {
    const std::string unit(word);
    CAPTURE(unit);
    CHECK(of_name("pulsed_wait_" + unit) ==
          "pulsed_wait_" + unit + " has `" + unit + "`, which is no base unit");
    CHECK(of_name("pulsed_wait_" + unit + "_total", "counter") ==
          "pulsed_wait_" + unit + "_total has `" + unit + "`, which is no base unit");
    CHECK(of_name("pulsed_wait_" + unit + "_seconds", "histogram") != "");
  }
}

TEST_CASE("the lint knows no noun and no label that no family has") {
  std::set<std::string_view> words;
  std::set<std::string_view> labels{"le"};
  for (const Entry& e : catalogue()) {
    words.insert(e.name.substr(e.name.rfind('_') + 1));
    labels.insert(e.labels.begin(), e.labels.end());
  }
  for (const std::string_view noun : lint_detail::kNouns) {
    CAPTURE(noun);
    CHECK(words.contains(noun));
  }
  for (const std::string_view label : lint_detail::kLabels) {
    CAPTURE(label);
    CHECK(labels.contains(label));
  }
}

TEST_CASE("the lint refuses names whose end is not known") {
  CHECK(of_name("pulsed_depth") == "pulsed_depth has no base unit and no known noun at its end");
  CHECK(of_name("pulsed_Tasks") != "");
  CHECK(of_name("pulsed__tasks") != "");
  CHECK(of_name("pulsed_tasks_") != "");
  CHECK(of_name("other_tasks") != "");
  CHECK(of_name("pulsed_tasks_count") != "");
}

TEST_CASE("the lint wants _total of counters and of nothing else") {
  CHECK(of_name("pulsed_polls", "counter") != "");
  CHECK(of_name("pulsed_polls_total", "gauge") != "");
  CHECK(of_name("pulsed_polls", "histogram") != "");
  CHECK(of_name("pulsed_polls", "untyped") != "");
}

TEST_CASE("the lint refuses a missing HELP and one that is no sentence") {
  for (const char* help :
       {"", "Polls.", "Polls that ended, of one class", "polls that ended, all."}) {
    CAPTURE(help);
    Described d = good();
    d.help = help;
    CHECK(lint(d) != "");
  }
}

TEST_CASE("the lint refuses labels that name single processes, threads or tasks") {
  for (const char* label : {"pid", "tid", "task", "worker", "uid", "instance"}) {
    CAPTURE(label);
    Described d = good();
    d.labels.insert(label);
    CHECK(lint(d) != "");
  }
}

TEST_CASE("the lint has nothing to say against the text") {
  Snapshot s{.services = {{.service = "shop"}},
             .classes = {{.service = "shop", .task_class = "a"}}};
  s.services[0].tier_changes[0][1] = 1;
  const OffLoop off_loop{.api_calls = {{"PolicyService/Get", "OK", 1}}};
  for (const TextFamily& family : ExpositionReader::read(render(s, off_loop))) {
    Described described{family.name, family.type, family.help, {}};
    for (const TextSample& sample : family.samples) {
      for (const auto& [label, value] : sample.labels) described.labels.insert(label);
    }
    CHECK(lint(described) == "");
  }
}

}  // namespace
}  // namespace pulsed::metrics
