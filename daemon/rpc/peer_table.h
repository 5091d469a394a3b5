// Who is at the other end of the connections that gRPC serves. gRPC calls such a peer "fd:N", so N must not mean another
// peer while a call of the last one still asks: numbers go round a range of their own.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "shared_memory/segment.h"

namespace pulsed::rpc {

// Thread-safe, but for `number`, which belongs to one thread.
class PeerTable {
 public:
  static constexpr int kNumbers = 8192;

  // Before `number` is called: the range lies below the process's limit on descriptors.
  PeerTable();

  // A descriptor of the same socket, whose number comes round only after some thousand others. Not valid: there is none.
  [[nodiscard]] shm::Fd number(int fd, std::optional<uid_t> uid);

  // Of a peer as gRPC calls it. Nothing: it is no unix socket.
  [[nodiscard]] std::optional<uid_t> uid_of(std::string_view peer) const;

 private:
  static constexpr std::uint32_t kNobody = 0xFFFFFFFF;  // the kernel's "no uid"

  int first_;
  int next_;
  int end_;
  std::array<std::atomic<std::uint32_t>, kNumbers> uids_;
};

}  // namespace pulsed::rpc
