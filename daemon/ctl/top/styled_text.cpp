#include "daemon/ctl/top/styled_text.h"

#include "daemon/ctl/top/text.h"

namespace pulsed::ctl::top {

std::string plain_text(const Line& line) {
  std::string out;
  for (const Span& span : line.spans) out += span.text;
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

std::size_t columns(const Line& line) {
  std::size_t sum = 0;
  for (const Span& span : line.spans) sum += columns(span.text);
  return sum;
}

Line cut(Line line, std::size_t width) {
  std::size_t left = width;
  for (std::size_t i = 0; i < line.spans.size(); ++i) {
    const std::size_t wide = columns(line.spans[i].text);
    if (wide > left) {
      line.spans[i].text = cut(line.spans[i].text, left);
      line.spans.resize(i + 1);
      break;
    }
    left -= wide;
  }
  return line;
}

Style tier_style(Tier tier) {
  switch (tier) {
    case Tier::kMonitor:
      return Style::kMonitor;
    case Tier::kWarn:
      return Style::kWarn;
    case Tier::kYield:
      return Style::kYield;
    case Tier::kIsolate:
      return Style::kIsolate;
  }
  return Style::kPlain;
}

}  // namespace pulsed::ctl::top
