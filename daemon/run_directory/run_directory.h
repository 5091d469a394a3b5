// The run directory and the one daemon that holds it.
#pragma once

#include <string>

#include "shared_memory/segment.h"

namespace pulsed {

// Makes the directory if it is missing and takes its lock for as long as the descriptor lives. Throws std::runtime_error,
// with what to do, if another pulsed holds it or it cannot be written.
[[nodiscard]] shm::Fd hold_run_directory(const std::string& run_dir);

}  // namespace pulsed
