// The certificates of the API over TCP.
#pragma once

#include <string>

#include "daemon/config/config.h"

namespace pulsed::rpc {

// As PEM.
struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string client_ca;
};

// gRPC takes anything and then fails every handshake, so they are tried out here. Throws std::runtime_error that names the
// file and the setting.
[[nodiscard]] TlsFiles read_tls_files(const config::Api::Tls& tls);

}  // namespace pulsed::rpc
