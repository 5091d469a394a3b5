#include "daemon/config/config.h"

#include <arpa/inet.h>

#include <array>
#include <tuple>

namespace pulsed::config {
namespace {

std::string quoted(std::string_view text) { return "`" + shown(text) + "`"; }

bool is_address(int family, const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(family, host.c_str(), bytes.data()) == 1;
}

Reading<std::optional<HttpAddress>> http_fault(std::string_view text, std::string_view why) {
  return {
      {},
      quoted(text) + " " + std::string(why) + "; write for example `127.0.0.1:10857`, or `off`"};
}

template <typename Get>
struct Fixed {
  std::string_view name;
  Get get;
};
template <typename Get>
Fixed(std::string_view, Get) -> Fixed<Get>;

// Bound to sockets, directories, threads or handed-out segments when the daemon starts.
constexpr std::tuple kFixed{Fixed{"run_dir", [](auto& c) -> auto& {return c.run_dir;
}  // namespace
}  // namespace pulsed::config
, Fixed{"state_dir", [](auto& c) -> auto& {return c.state_dir;
}
}
, Fixed{"http", [](auto& c) -> auto& {return c.http;
}
}
, Fixed{"loop.priority", [](auto& c) -> auto& {return c.loop.priority;
}
}
, Fixed{"lease", [](auto& c) -> auto& {return c.lease;
}
}
, Fixed{"series", [](auto& c) -> auto& {return c.series;
}
}
,
}
;

}  // namespace

Reading<std::optional<HttpAddress>> read_http(std::string_view text) {
  if (text == "off") return {std::optional<HttpAddress>{}, {}};
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return http_fault(text, "has no port");
  const std::string_view address = text.substr(0, colon);
  const bool bracketed = address.starts_with('[') && address.ends_with(']');
  HttpAddress http;
  http.host = bracketed ? address.substr(1, address.size() - 2) : address;
  if (!bracketed && is_address(AF_INET6, std::string(text))) {
    return http_fault(text, "has no port, and an IPv6 address stands in brackets");
  }
  if (!is_address(bracketed ? AF_INET6 : AF_INET, http.host)) {
    return http_fault(text, "has no numeric address");
  }
  const auto port = read_count(text.substr(colon + 1));
  if (!port || *port.value > 65'535) return http_fault(text, "has no port from 0 to 65535");
  http.port = static_cast<std::uint16_t>(*port.value);
  return {std::optional<HttpAddress>{http}, {}};
}

std::string http_text(const std::optional<HttpAddress>& http) {
  if (!http) return "off";
  const bool v6 = http->host.find(':') != std::string::npos;
  return (v6 ? "[" + http->host + "]" : http->host) + ":" + std::to_string(http->port);
}

Reading<std::filesystem::path> read_path(std::string_view text, std::size_t longest) {
  const std::filesystem::path path(text);
  if (!path.is_absolute()) return {{}, quoted(text) + " is not an absolute path"};
  for (const auto& part : path) {
    if (part == "..") return {{}, quoted(text) + " goes up with `..`"};
  }
  std::string normal = path.lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  if (normal.size() > longest) {
    return {{}, quoted(text) + " is longer than " + std::to_string(longest) + " bytes"};
  }
  return {std::filesystem::path(normal), {}};
}

std::vector<std::string_view> need_restart(const Config& from, const Config& to) {
  std::vector<std::string_view> names;
  const auto compare = [&](const auto& fixed) {
    if (fixed.get(from) != fixed.get(to)) names.push_back(fixed.name);
  };
  std::apply([&](const auto&... fixed) { (compare(fixed), ...); }, kFixed);
  return names;
}

Config without_restart(const Config& from, Config to) {
  std::apply([&](const auto&... fixed) { ((fixed.get(to) = fixed.get(from)), ...); }, kFixed);
  return to;
}

}  // namespace pulsed::config
