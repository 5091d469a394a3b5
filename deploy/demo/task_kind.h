// What a task of the demo does, by which it is classed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pulsed::demo {

enum class TaskKind : std::uint8_t {
  kAccept,
  kConnection,
  kLookup,
  kPrice,
  kReport,
  kExport,
  kRestock
};
inline constexpr std::size_t kTaskKinds = 7;

}  // namespace pulsed::demo
