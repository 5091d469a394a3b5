// Who is at the other end of an attach connection, as the kernel says, never as the peer claims.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "shared_memory/segment.h"

namespace pulsed::attach {

struct Peer {
  pid_t pid;
  uid_t uid;
  std::shared_ptr<shm::Fd> pidfd;  // readable when the process has ended
  std::string executable;          // base name of its program, else its comm; printable
};

// Says so from the end of the process on, until when its number is not given to another.
[[nodiscard]] bool has_ended(int pidfd);

// Identifies the peer of a connected unix socket. On failure `error` says why (it has already gone, most often).
[[nodiscard]] std::optional<Peer> identify(int socket, std::string& error);

}  // namespace pulsed::attach
