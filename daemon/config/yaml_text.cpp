#include "daemon/config/yaml_text.h"

#include <cstddef>

#include "daemon/config/yaml_node.h"

namespace pulsed::config {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Bytes of the UTF-8 character at the front of a text that is not empty, or 0. Overlong forms and
// surrogates are none.
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool beyond = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : length;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

}  // namespace

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
    if (text.substr(i).starts_with("\xEF\xBB\xBF")) {
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

bool is_one_line_of_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0 || is_control(text.front())) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace pulsed::config
