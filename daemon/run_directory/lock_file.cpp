#include "daemon/run_directory/lock_file.h"

#include <unistd.h>

#include <array>
#include <cstring>

namespace pulsed {

std::string holder_of(int file) {
  std::array<char, 32> pid{};
  const ssize_t n = ::pread(file, pid.data(), pid.size() - 1, 0);
  return n > 0 ? " (pid " + std::string(pid.data(), std::strcspn(pid.data(), "\n")) + ")" : "";
}

bool note_holder(int file) {
  const std::string pid = std::to_string(::getpid()) + "\n";
  return ::ftruncate(file, 0) == 0 &&
         ::pwrite(file, pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
}

}  // namespace pulsed
