// Who holds a locked file, as its text says: for the message to whoever finds it locked.
#pragma once

#include <string>

namespace pulsed {

// " (pid 123)", or nothing.
[[nodiscard]] std::string holder_of(int file);
// Writes that it is us. False: errno says why it could not.
[[nodiscard]] bool note_holder(int file);

}  // namespace pulsed
