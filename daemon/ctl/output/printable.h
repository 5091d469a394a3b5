// Texts of services, users and daemons, made fit for a terminal: whatever they hold, no cursor moves, no colour changes, and
// nothing is turned around or hidden.
#pragma once

#include <string>
#include <string_view>

namespace pulsed::ctl {

// One character of a text, or one byte that is no part of a character.
struct Character {
  std::string_view bytes;
  char32_t code = 0;
  bool plain =
      true;  // false: control characters, those that take up no room or turn the direction of writing, what is not UTF-8
};

// Takes it off the front of `text`, which is not empty.
[[nodiscard]] Character take_character(std::string_view& text);

// One line: each character that is not plain becomes a question mark.
[[nodiscard]] std::string printable(std::string_view text);

// The same of each line; their ends stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

// Of a JSON text, whose strings have no control characters of ASCII: others that are not plain become escapes, `\u009b`, so
// that who reads it gets the same text. It stays JSON, and what is YAML of it YAML, which allows no such characters bare.
[[nodiscard]] std::string escaped_json(std::string_view json);

}  // namespace pulsed::ctl
