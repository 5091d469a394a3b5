// The heavy work of the demo: one report compresses the text and counts its words, in steps of
// about 100 us, between which its handler may yield.
#pragma once

#include <zlib.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pulsed::demo {

struct ReportResult {
  std::uint64_t bytes = 0;
  std::uint64_t compressed_bytes = 0;
  std::uint64_t words = 0;
  std::uint64_t distinct_words = 0;
  std::string longest_word;
};

// One report over `text`, which outlives it and is read round and round until `steps` are done.
class ReportWork {
 public:
  static constexpr std::size_t kStepBytes = 3072;

  ReportWork(std::string_view text, std::uint32_t steps);  // throws std::bad_alloc
  ~ReportWork();
  ReportWork(const ReportWork&) = delete;
  ReportWork& operator=(const ReportWork&) = delete;

  [[nodiscard]] bool done() const { return steps_left_ == 0; }
  void step();  // not when done
  [[nodiscard]] ReportResult result() const;
  // By word, so far.
  [[nodiscard]] const std::unordered_map<std::string, std::uint64_t>& counts() const {
    return counts_;
  }

 private:
  void compress(std::string_view chunk, bool last);
  void count_words(std::string_view chunk);

  std::string_view text_;
  std::size_t offset_ = 0;
  std::uint32_t steps_left_;
  z_stream stream_{};
  std::unordered_map<std::string, std::uint64_t> counts_;
  std::uint64_t words_ = 0;
};

struct ReportCalibration {
  std::uint32_t steps;                       // in one report
  std::chrono::nanoseconds report_cpu_time;  // measured with that many
};

// How many steps make a report of about `target` CPU time of this thread on this machine: the
// median of several reports decides, since neighbours may disturb one.
[[nodiscard]] ReportCalibration calibrate_report(std::string_view text,
                                                 std::chrono::nanoseconds target);

}  // namespace pulsed::demo
