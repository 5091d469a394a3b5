#include "deploy/demo/report_work.h"

#include <doctest/doctest.h>

#include <string>

namespace pulsed::demo {
namespace {

std::string long_text() {
  std::string text;
  while (text.size() < 10 * ReportWork::kStepBytes)
    text += "all work and no play makes a dull demonstration. ";
  return text;
}

ReportResult report(std::string_view text, std::uint32_t steps) {
  ReportWork work(text, steps);
  while (!work.done()) work.step();
  return work.result();
}

TEST_CASE("a report reads one chunk of the text in each step") {
  const std::string text = long_text();
  const ReportResult result = report(text, 4);
  CHECK(result.bytes == 4 * ReportWork::kStepBytes);
  CHECK(result.compressed_bytes > 0);
  CHECK(result.compressed_bytes < result.bytes);
  CHECK(result.distinct_words < 20);  // nine, and what the ends of chunks cut them into
  CHECK(result.words > result.distinct_words);
  CHECK(result.longest_word == "demonstration");
}

TEST_CASE("a report of more steps than the text has begins it again") {
  const ReportResult result = report("one two", 3);
  CHECK(result.bytes == 21);
  CHECK(result.words == 6);
  CHECK(result.distinct_words == 2);
}

TEST_CASE("equal reports have equal results, whatever ran between their steps") {
  const std::string text = long_text();
  ReportWork interrupted(text, 5);
  while (!interrupted.done()) {
    interrupted.step();
    (void)report(text, 1);
  }
  CHECK(interrupted.result().compressed_bytes == report(text, 5).compressed_bytes);
}

TEST_CASE("calibration gives a report that does something") {
  const ReportCalibration measured = calibrate_report(long_text(), std::chrono::milliseconds(1));
  CHECK(measured.steps >= 1);
  CHECK(measured.report_cpu_time.count() > 0);
}

}  // namespace
}  // namespace pulsed::demo
