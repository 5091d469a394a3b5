// A key as the operator pressed it, whatever the terminal sent for it.
#pragma once

#include <cstdint>

namespace pulsed::ctl::top {

struct Key {
  enum class Name : std::uint8_t {
    kCharacter,
    kEnter,
    kEscape,
    kBackspace,
    kLeft,
    kRight,
    kUp,
    kDown,
    kPageUp,
    kPageDown,
    kHome,
    kEnd,
    kOther,
  };

  Name name = Name::kOther;
  char32_t character = 0;  // of kCharacter
};

}  // namespace pulsed::ctl::top
