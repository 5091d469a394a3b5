#include "deploy/demo/report_work.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <new>

#include "deploy/demo/text_index.h"

namespace pulsed::demo {
namespace {

constexpr int kTrials = 7;

std::chrono::nanoseconds thread_cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::chrono::nanoseconds median_report_cpu_time(std::string_view text, std::uint32_t steps) {
  std::array<std::chrono::nanoseconds, kTrials> trials{};
  for (auto& trial : trials) {
    const auto start = thread_cpu_time();
    ReportWork work(text, steps);
    while (!work.done()) work.step();
    trial = thread_cpu_time() - start;
  }
  std::nth_element(trials.begin(), trials.begin() + kTrials / 2, trials.end());
  return trials[kTrials / 2];
}

}  // namespace

ReportWork::ReportWork(std::string_view text, std::uint32_t steps)
    : text_(text), steps_left_(std::max(steps, 1u)) {
  if (deflateInit(&stream_, Z_DEFAULT_COMPRESSION) != Z_OK) throw std::bad_alloc();
}

ReportWork::~ReportWork() { deflateEnd(&stream_); }

void ReportWork::step() {
  const std::string_view chunk = text_.substr(offset_, kStepBytes);
  offset_ += chunk.size();
  if (offset_ >= text_.size()) offset_ = 0;
  --steps_left_;
  compress(chunk, done());
  count_words(chunk);
}

void ReportWork::compress(std::string_view chunk, bool last) {
  std::array<Bytef, kStepBytes> out;
  // zlib never writes through next_in; its interface is older than const.
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(chunk.data()));
  stream_.avail_in = static_cast<uInt>(chunk.size());
  do {
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
  } while (stream_.avail_out == 0);
}

void ReportWork::count_words(std::string_view chunk) {
  for_each_word(chunk, [&](std::string_view word, std::size_t) {
    ++counts_[std::string(word)];
    ++words_;
  });
}

ReportResult ReportWork::result() const {
  ReportResult result;
  result.bytes = stream_.total_in;
  result.compressed_bytes = stream_.total_out;
  result.words = words_;
  result.distinct_words = counts_.size();
  for (const auto& [word, count] : counts_) {
    if (word.size() > result.longest_word.size() ||
        (word.size() == result.longest_word.size() && word < result.longest_word)) {
      result.longest_word = word;
    }
  }
  return result;
}

ReportCalibration calibrate_report(std::string_view text, std::chrono::nanoseconds target) {
  std::uint32_t steps = 100;
  std::chrono::nanoseconds cost{};
  // A report has a fixed part too, so the second round corrects what the first could not know.
  for (int round = 0; round < 2; ++round) {
    cost = median_report_cpu_time(text, steps);
    const double scale = static_cast<double>(target.count()) /
                         static_cast<double>(std::max<std::int64_t>(1, cost.count()));
    steps = static_cast<std::uint32_t>(std::clamp(std::round(steps * scale), 1.0, 1e6));
  }
  return {steps, median_report_cpu_time(text, steps)};
}

}  // namespace pulsed::demo
