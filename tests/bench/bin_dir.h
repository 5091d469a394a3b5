// Where the programs under test are: beside pulsed-bench.
#pragma once

#include <filesystem>
#include <string>

namespace pulsed::bench {

[[nodiscard]] inline std::string bin_dir() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

}  // namespace pulsed::bench
