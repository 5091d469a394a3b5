// Who calls, and what they may.
#pragma once

#include <grpcpp/server_context.h>

#include <string>
#include <vector>

#include "daemon/revisions/revision_store.h"
#include "daemon/rpc/peer_table.h"

namespace pulsed::rpc {

// What a server's sockets let their callers do.
enum class Access : std::uint8_t {
  kRead,           // api.sock, and TCP without TLS
  kChange,         // the admin socket: who has no right to it was not let in
  kByCertificate,  // TCP with TLS: changes for the common names that the configuration names
};

struct Caller {
  std::string who;           // "uid 1000", "certificate alice": for log lines and to count by
  revisions::Author author;  // of what the caller changes, so of no meaning without the right
  bool may_change = false;
  std::string why_not;  // ... if not, for the caller
};

struct AccessRule {
  Access access;
  const PeerTable& peers;
  const std::vector<std::string>& admins;  // common names
  const std::string& admin_socket;         // its path, for whoever needs it

  [[nodiscard]] Caller caller(const grpc::ServerContextBase& context) const;
};

}  // namespace pulsed::rpc
