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
  for (Span& span : line.spans) {
    span.text = cut(span.text, width);
    width -= columns(span.text);
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
