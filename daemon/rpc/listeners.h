// What the API listens on beside sockets in the run directory, and where those are.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/config/config.h"
#include "shared_memory/segment.h"

namespace pulsed::rpc {

// Each throws std::runtime_error, with what to do.

// Made if it is missing, with exactly this mode.
void make_directory(const std::string& path, mode_t mode);
// Does not block.
[[nodiscard]] shm::Fd listen_on_tcp(const config::HttpAddress& address);
[[nodiscard]] std::uint16_t port_of(const shm::Fd& listener);

}  // namespace pulsed::rpc
