// What a class may be called: the shim refuses other names, and the daemon rejects records that bear them.
#pragma once

#include <string_view>

#include "shared_memory/abi.h"

namespace pulsed::shm {

// 1 to PULSED_CLASS_NAME_MAX bytes of well-formed UTF-8 (RFC 3629) without control characters.
[[nodiscard]] bool valid_class_name(std::string_view name);

}  // namespace pulsed::shm
