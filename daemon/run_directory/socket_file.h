// A unix socket that listens at a path.
#pragma once

#include <string>

#include "shared_memory/segment.h"

namespace pulsed {

// Of this type (SOCK_STREAM, SOCK_SEQPACKET), that does not block and that any uid may connect to: rights are checked by
// peer. Replaces a stale one, which the run directory's lock makes safe. Throws std::runtime_error, with what to do.
[[nodiscard]] shm::Fd listen_on_path(const std::string& path, int type);

}  // namespace pulsed
