// The text the demo serves: what lies in a folder of the machine, read once at start.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace pulsed::demo {

// The licences every Debian has, by the package base-files, which is essential.
inline constexpr const char* kDefaultTextFolder = "/usr/share/common-licenses";
inline constexpr std::size_t kMaxTextBytes = 16 << 20;
inline constexpr std::size_t kMinTextBytes = 32 << 10;

// All regular files directly in `folder`, in order of their names, joined by blank lines. Symbolic
// links are left out, since there they name the same texts again; so are files with NUL bytes.
// Stops at kMaxTextBytes. Throws std::runtime_error, naming the folder, if it cannot be read or
// holds less than kMinTextBytes.
[[nodiscard]] std::string read_text(const std::filesystem::path& folder);

}  // namespace pulsed::demo
