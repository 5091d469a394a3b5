#include "daemon/metrics/exposition.h"

#include <prometheus/text_serializer.h>

#include <ostream>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include "daemon/metrics/families.h"

namespace pulsed::metrics {
namespace {

// The text that the serializer writes, of megabytes in small pieces: std::ostringstream takes a fifth longer, as it copies
// the text each time that it runs out of room.
class Text : public std::streambuf {
 public:
  explicit Text(std::size_t room) { text_.reserve(room); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 protected:
  std::streamsize xsputn(const char* piece, std::streamsize size) override {
    text_.append(piece, static_cast<std::size_t>(size));
    return size;
  }
  int_type overflow(int_type c) override {
    if (!traits_type::eq_int_type(c, traits_type::eof())) text_ += traits_type::to_char_type(c);
    return traits_type::not_eof(c);
  }

 private:
  std::string text_;
};

// What the text is going to need, as a rule.
std::size_t room_for(const std::vector<prometheus::MetricFamily>& families) {
  constexpr std::size_t kLine = 80;
  std::size_t lines = 0;
  for (const prometheus::MetricFamily& family : families) {
    lines += 2;
    for (const prometheus::ClientMetric& metric : family.metric) {
      lines +=
          family.type == prometheus::MetricType::Histogram ? metric.histogram.bucket.size() + 3 : 1;
    }
  }
  return lines * kLine;
}

}  // namespace

std::string render(const Snapshot& snapshot, const OffLoop& off_loop) {
  const std::vector<prometheus::MetricFamily> families =
      SnapshotCollectable(snapshot, off_loop).Collect();
  Text text(room_for(families));
  std::ostream out(&text);
  prometheus::TextSerializer().Serialize(out, families);
  return text.take();
}

}  // namespace pulsed::metrics
