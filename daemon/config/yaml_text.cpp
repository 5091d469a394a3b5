#include "daemon/config/yaml_text.h"

#include <cstddef>

#include "daemon/config/yaml_node.h"
#include "daemon/policy/plain_text.h"

namespace pulsed::config {
using policy::character_length;
using policy::is_control;

bool is_plain_text(std::string_view text, Diagnostics& diagnostics) {
  if (text.size() > kMostBytes) {
    diagnostics.add({}, "is larger than 1 MiB");
    return false;
  }
  Position at{1, 1};
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = character_length(text.substr(i));
    if (length == 0) {
      diagnostics.add(at, "is not UTF-8 from here on");
      return false;
    }
    if (text.substr(i).starts_with(policy::kByteOrderMark)) {
      diagnostics.add(at, "a byte order mark; save the file as UTF-8 without it");
      return false;
    }
    const bool line_end = c == '\n' || (c == '\r' && text.substr(i).starts_with("\r\n"));
    if (is_control(c) && c != '\t' && !line_end) {
      diagnostics.add(at, "a control character");
      return false;
    }
    at = c == '\n' ? Position{at.line + 1, 1}
                   : Position{at.line, at.column + static_cast<int>(length)};
    i += length;
  }
  return true;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

bool quote_ends(std::string_view text) {
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      const bool doubled = quote == '\'' && i + 1 < text.size() && text[i + 1] == quote;
      if (!doubled) return true;
      ++i;
    }
  }
  return false;
}

}  // namespace pulsed::config
