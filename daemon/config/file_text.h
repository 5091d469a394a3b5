// The whole of one small file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace pulsed::config {

struct FileText {
  std::optional<std::string> text;
  bool missing = false;  // nothing stands at that path
  std::string fault;     // why there is no text, in words
};

// Regular files of at most kMostBytes. Never waits: a FIFO is refused.
[[nodiscard]] FileText read_file(const std::filesystem::path& path);

}  // namespace pulsed::config
