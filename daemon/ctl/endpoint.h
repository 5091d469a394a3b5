// Where the daemon is: its run directory, or an address of TCP. Flags win over the environment, which wins over pulsed's own
// defaults.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "daemon/config/settings.h"

namespace pulsed::ctl {

struct EndpointFlags {
  std::string run_dir;  // empty: not given, as with the rest
  std::string address;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string timeout = "5s";
};

struct Tls {
  std::string ca;    // PEM
  std::string cert;  // PEM
  std::string key;   // PEM
};

struct Endpoint {
  std::filesystem::path run_dir;  // of the unix sockets; of no meaning with an address
  std::string address;            // "host:port"; empty: unix sockets
  bool encrypted = false;
  Tls tls;
  std::chrono::nanoseconds timeout = std::chrono::seconds{5};

  [[nodiscard]] bool local() const { return address.empty(); }
  [[nodiscard]] std::filesystem::path read_socket() const { return run_dir / "api.sock"; }
  [[nodiscard]] std::filesystem::path change_socket() const { return run_dir / "admin/api.sock"; }
};

// Throws Failed with kExitUsage. Reads the TLS files.
[[nodiscard]] Endpoint find_endpoint(const EndpointFlags& flags,
                                     const config::Surroundings& surroundings);

// Whether plain TCP may go there: localhost, 127.0.0.0/8 or ::1.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace pulsed::ctl
