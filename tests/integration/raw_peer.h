// The attach protocol by hand: a peer that may say anything, and do anything to the memory it is given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "shared_memory/segment.h"
#include "tests/support/process.h"

namespace pulsed::test {

inline constexpr shm::Dimensions kSmall{2, 64, 64, 8};

// What a shim of our version says.
[[nodiscard]] pulsed_hello make_hello(const std::string& service,
                                      const shm::Dimensions& dimensions = kSmall);

class RawPeer {
 public:
  // Connects. Throws std::runtime_error if nobody listens.
  explicit RawPeer(const std::string& socket_path);

  bool send(const void* data, std::size_t size) const;
  bool send(const pulsed_hello& hello) const { return send(&hello, sizeof(hello)); }
  // The answer, with the segments kept if they came. Nothing if the daemon hung up, or after the deadline.
  [[nodiscard]] std::optional<pulsed_welcome> receive(milliseconds deadline = milliseconds{10'000});
  [[nodiscard]] bool hung_up_within(milliseconds deadline) const;

  // The memory, as its owner may write it. Throws std::runtime_error if none came.
  [[nodiscard]] shm::ServiceEnd open(const shm::Dimensions& dimensions = kSmall) const;
  [[nodiscard]] int service_fd() const { return service_fd_.get(); }
  [[nodiscard]] int daemon_fd() const { return daemon_fd_.get(); }

 private:
  shm::Fd socket_;
  shm::Fd service_fd_;
  shm::Fd daemon_fd_;
};

}  // namespace pulsed::test
