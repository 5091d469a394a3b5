// The sockets the API listens on.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/config/config.h"
#include "shared_memory/segment.h"

namespace pulsed::rpc {

// Each throws std::runtime_error, with what to do, and gives a socket that does not block.

// That any uid may connect to; replaces a stale one, which the run directory's lock makes safe.
[[nodiscard]] shm::Fd listen_on_path(const std::string& path);
// Made if it is missing, with exactly this mode.
void make_directory(const std::string& path, mode_t mode);
[[nodiscard]] shm::Fd listen_on_tcp(const config::HttpAddress& address);
[[nodiscard]] std::uint16_t port_of(const shm::Fd& listener);

}  // namespace pulsed::rpc
