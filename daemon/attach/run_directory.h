// The run directory and the one daemon that holds it.
#pragma once

#include <string>

#include "shared_memory/segment.h"

namespace pulsed::attach {

// Makes the directory if it is missing and takes its lock for as long as the descriptor lives. Throws std::runtime_error,
// with what to do, if another pulsed holds it or it cannot be written.
[[nodiscard]] shm::Fd hold_run_directory(const std::string& run_dir);

// A listening SEQPACKET socket that any uid may connect to (rights are checked by peer); replaces a stale one, which the
// lock makes safe. Throws std::runtime_error.
[[nodiscard]] shm::Fd listen_for_services(const std::string& path);

}  // namespace pulsed::attach
