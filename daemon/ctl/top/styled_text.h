// Lines of styled text: what the views make and the screen shows. Knows no terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ctl/top/reading.h"

namespace pulsed::ctl::top {

// What a piece of text means; the screen knows how that looks, with colours and without.
enum class Style : std::uint8_t {
  kPlain,
  kDim,
  kBold,
  kGood,
  kCaution,
  kBad,
  kMonitor,
  kWarn,
  kYield,
  kIsolate,
  kSparkline,
};
inline constexpr std::size_t kStyleCount = 11;

struct Span {
  std::string text;
  Style style = Style::kPlain;
};

struct Line {
  enum class Ground : std::uint8_t { kPlain, kSelected, kTitle };

  std::vector<Span> spans;
  Ground ground = Ground::kPlain;  // of the whole width
};

// All that a screen shows: as many lines as it has, none wider than it is.
struct Frame {
  std::vector<Line> lines;
  std::optional<std::size_t> cursor;  // a column of the last line
};

struct Size {
  std::size_t width = 80;
  std::size_t height = 24;
};

[[nodiscard]] std::string plain_text(const Line& line);  // without spaces at its end
[[nodiscard]] std::size_t columns(const Line& line);

// Cuts what is wider, and makes what is left fit to be shown.
[[nodiscard]] Line cut(Line line, std::size_t width);

[[nodiscard]] Style tier_style(Tier tier);

}  // namespace pulsed::ctl::top
