// What a worker's thread calls itself, fit for a line of the log and for a message.
#pragma once

#include <cstring>
#include <string>

#include "daemon/attach/printable.h"
#include "daemon/collect/service.h"

namespace pulsed::collect {

// ASCII: what is not becomes a question mark, as a byte of it may be no text at all.
[[nodiscard]] inline std::string thread_name(const Service& service, std::uint32_t line) {
  const pulsed_worker_line& shared = service.s.lines[line];
  std::string name(shared.name, ::strnlen(shared.name, sizeof(shared.name)));
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return c >= 0x80; }, '?');
  return attach::printable(std::move(name));
}

}  // namespace pulsed::collect
