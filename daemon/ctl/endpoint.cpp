#include "daemon/ctl/endpoint.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <optional>
#include <system_error>

#include "daemon/config/file_text.h"
#include "daemon/config/units.h"
#include "daemon/ctl/failure.h"

namespace pulsed::ctl {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& message) { throw Failed(kExitUsage, message); }

// The flag, else the variable, else nothing.
std::string given(const std::string& flag, const char* variable, const config::Surroundings& s) {
  if (!flag.empty()) return flag;
  return s.variable(variable).value_or("");
}

// pulsed's own default, but for users who have none of theirs beside the system's.
fs::path default_run_dir(const config::Surroundings& s) {
  const fs::path system = "/run/pulsed";
  std::error_code ignored;
  if (fs::exists(system, ignored)) return system;
  return config::sources_of(s, {}).defaults.run_dir;
}

fs::path run_dir_of(const std::string& text, const config::Surroundings& s) {
  if (text.empty()) return default_run_dir(s);
  const fs::path absolute = (s.working_directory / text).lexically_normal();
  const auto path = config::read_path(absolute.string(), config::kLongestRunDir);
  if (!path) refuse("--run-dir: " + path.fault);
  return *path.value;
}

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

std::optional<HostPort> split_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  HostPort split{std::string(text.substr(0, colon)), 0};
  if (split.host.starts_with('[') && split.host.ends_with(']')) {
    split.host = split.host.substr(1, split.host.size() - 2);
  } else if (split.host.find(':') != std::string::npos) {
    return {};
  }
  const std::string_view port = text.substr(colon + 1);
  const auto read = std::from_chars(port.data(), port.data() + port.size(), split.port);
  if (read.ec != std::errc{} || read.ptr != port.data() + port.size()) return {};
  if (split.port == 0 || split.host.empty()) return {};
  return split;
}

std::string pem(const std::string& flag, const std::string& file) {
  config::FileText text = config::read_file(file);
  if (text.text) return std::move(*text.text);
  refuse(flag + " " + file + ": " + (text.missing ? "no such file" : text.fault));
}

void take_tls(const EndpointFlags& flags, const config::Surroundings& s, Endpoint& endpoint) {
  struct Part {
    const char* flag;
    std::string file;
    std::string Tls::*text;
  };
  const std::array<Part, 3> parts{
      Part{"--tls-ca", given(flags.tls_ca, "PULSED_TLS_CA", s), &Tls::ca},
      Part{"--tls-cert", given(flags.tls_cert, "PULSED_TLS_CERT", s), &Tls::cert},
      Part{"--tls-key", given(flags.tls_key, "PULSED_TLS_KEY", s), &Tls::key}};
  std::string missing;
  for (const Part& part : parts) {
    if (!part.file.empty()) endpoint.encrypted = true;
    if (part.file.empty()) missing += std::string(missing.empty() ? "" : ", ") + part.flag;
  }
  if (!endpoint.encrypted) return;
  if (!missing.empty())
    refuse("TLS needs all of --tls-ca, --tls-cert and --tls-key; missing: " + missing);
  for (const Part& part : parts) endpoint.tls.*part.text = pem(part.flag, part.file);
}

std::chrono::nanoseconds timeout_of(const std::string& text) {
  const auto timeout = config::read_duration(text);
  if (!timeout) refuse("--timeout: " + timeout.fault);
  if (*timeout.value < std::chrono::milliseconds{1} || *timeout.value > std::chrono::hours{1}) {
    refuse("--timeout: " + text + " is not between 1ms and 1h");
  }
  return *timeout.value;
}

}  // namespace

bool is_loopback(std::string_view host) {
  const std::string text(host);
  if (text == "localhost") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Endpoint find_endpoint(const EndpointFlags& flags, const config::Surroundings& surroundings) {
  Endpoint endpoint;
  endpoint.timeout = timeout_of(flags.timeout);
  if (!flags.run_dir.empty() && !flags.address.empty()) {
    refuse("--run-dir and --address exclude each other: sockets of this machine, or TCP");
  }
  if (flags.run_dir.empty())
    endpoint.address = given(flags.address, "PULSED_ADDRESS", surroundings);
  if (endpoint.local()) {
    for (const std::string* file : {&flags.tls_ca, &flags.tls_cert, &flags.tls_key}) {
      if (!file->empty()) refuse("TLS files are of use only with --address");
    }
    endpoint.run_dir =
        run_dir_of(given(flags.run_dir, "PULSED_RUN_DIR", surroundings), surroundings);
    return endpoint;
  }
  const auto split = split_address(endpoint.address);
  if (!split) {
    refuse("--address: `" + config::shown(endpoint.address) +
           "` is not host:port, such as 127.0.0.1:10858 or [::1]:10858");
  }
  take_tls(flags, surroundings, endpoint);
  if (!endpoint.encrypted && !is_loopback(split->host)) {
    refuse("--address " + endpoint.address +
           " is another machine: give --tls-ca, --tls-cert and --tls-key, as plain TCP goes only "
           "to loopback");
  }
  return endpoint;
}

}  // namespace pulsed::ctl
