// The machine that a run is made on.
#pragma once

#include <sched.h>

#include <optional>
#include <string>

namespace pulsed::bench {

// CPU model and count, hypervisor if there is one, memory, kernel, and compiler.
[[nodiscard]] std::string machine();

// The load average of the last minute; 0 where it cannot be read.
[[nodiscard]] double load();

// Keeps the calling thread, and threads it starts meanwhile, on one CPU of those it may run on: the `nth`, modulo their
// number. Where there is only one, nothing changes.
class Pinned {
 public:
  explicit Pinned(unsigned nth);
  ~Pinned();
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  std::optional<cpu_set_t> before_;
};

}  // namespace pulsed::bench
