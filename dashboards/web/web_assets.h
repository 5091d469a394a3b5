// The page at /, as it is embedded into pulsed: what esbuild made of src/ or, where that could not be built, one plain page
// that says why. The bytes live as long as the program.
#pragma once

#include <span>
#include <string_view>

namespace pulsed::web {

struct Asset {
  std::string_view path;  // "/" is the page itself
  std::string_view content_type;
  std::string_view body;
};

[[nodiscard]] std::span<const Asset> assets();

}  // namespace pulsed::web
