// How results are printed: as a table, as JSON or as YAML; with colours and within a width, or plain.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pulsed::ctl {

enum class Format : std::uint8_t { kTable, kJson, kYaml };
inline constexpr std::array<std::string_view, 3> kFormatNames{"table", "json", "yaml"};
inline constexpr std::array<std::string_view, 3> kColorNames{"auto", "always", "never"};

// What a person sees, or a pipe.
struct Terminal {
  std::size_t width = 0;  // columns; 0: not a terminal, nothing is cut
  bool color = false;
};

// Of the file descriptor. `color` is one of kColorNames; `no_color` is what NO_COLOR holds, empty when it is not set.
[[nodiscard]] Terminal terminal_of(int fd, std::string_view color, std::string_view no_color);

enum class Ink : std::uint8_t { kPlain, kBold, kDim, kGreen, kYellow, kRed, kMagenta };
// `text` in that colour, or as it is.
[[nodiscard]] std::string inked(const Terminal& terminal, Ink ink, std::string text);

}  // namespace pulsed::ctl
