// The client end of the attach socket: hello, welcome with the segments, and the connection as lease.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "shared_memory/segment.h"

namespace pulsed::shim {

struct AttachedSocket {
  shm::Fd socket;
  shm::ServiceEnd end;
};

struct AttachFailure {
  bool worth_saying;  // a daemon is there and refused; silence is for the case that none is
  std::string text;
  bool too_large = false;  // it allows less than was asked for
};

// Connects to `<run_dir>/attach.sock` and attaches, waiting at most about a second, and not once `stop_fd` is
// readable. No signal.
[[nodiscard]] std::optional<AttachedSocket> attach(const std::string& run_dir,
                                                   const std::string& service,
                                                   const shm::Dimensions& dimensions, int stop_fd,
                                                   AttachFailure& failure);

enum class Wake { kStop, kLost };

using ReadClocks =
    std::function<std::vector<std::uint64_t>(const std::vector<std::uint32_t>& workers)>;

// Serves the connection until `stop_fd` is readable or the daemon is gone. Calls `look` at once and whenever the eventfd
// `poke_fd` was written, once for all the writes before; while it returns true also after 10 ms, and after twice as long
// each time, up to a second.
[[nodiscard]] Wake serve(int socket, int stop_fd, int poke_fd, const ReadClocks& read_clocks,
                         const std::function<bool()>& look);

}  // namespace pulsed::shim
