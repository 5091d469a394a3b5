// Why a unix socket cannot be reached: looked at once a call over it has failed, as gRPC's own words say little.
#pragma once

#include <cstdint>
#include <filesystem>

namespace pulsed::ctl {

enum class SocketState : std::uint8_t {
  kServed,     // connects, and the other side speaks
  kNoRunDir,   // the run directory does not exist
  kMissing,    // the run directory stands, the socket does not
  kForbidden,  // we may not connect
  kStale,      // nobody listens: left by a daemon that is gone
  kSilent,  // connects, or waits to, and the other side says nothing: it is stopped, or no server of ours
  kDismissed,  // connects, and is closed at once: this user is not let in
  kUnusable,   // something else stands there
};

// `run_dir` is a parent of `socket`. Waits at most a second.
[[nodiscard]] SocketState probe_socket(const std::filesystem::path& run_dir,
                                       const std::filesystem::path& socket);

}  // namespace pulsed::ctl
