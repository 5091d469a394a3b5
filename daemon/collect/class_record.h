// Class records from shared memory.
#pragma once

#include <string>

#include "daemon/policy/types.h"
#include "shared_memory/abi.h"

namespace pulsed::collect {

// Copies a hostile class record out. False unless its name is 1 to 55 bytes of valid UTF-8 without control characters and
// its priority exists.
[[nodiscard]] bool read_class(const pulsed_class_record& shared, std::string& name,
                              policy::Priority& priority);

}  // namespace pulsed::collect
