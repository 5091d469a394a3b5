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

Reading<std::optional<HttpAddress>> address_fault(std::string_view text, std::string_view why,
                                                  std::string_view example) {
  return {{},
          quoted(text) + " " + std::string(why) + "; write for example `" + std::string(example) +
              "`, or `off`"};
}

// A setting of a Config or of one of its parts.
template <typename Part, typename Value>
struct Fixed {
  std::string_view name;
  Part Config::*part;
  Value Part::*value;
};
struct Whole {};
template <typename Value>
struct Fixed<Whole, Value> {
  std::string_view name;
  Value Config::*value;
};
template <typename Value>
Fixed(std::string_view, Value Config::*) -> Fixed<Whole, Value>;
template <typename Part, typename Value>
Fixed(std::string_view, Part Config::*, Value Part::*) -> Fixed<Part, Value>;

template <typename Value>
auto& of(auto& config, const Fixed<Whole, Value>& fixed) {
  return config.*fixed.value;
}
template <typename Part, typename Value>
auto& of(auto& config, const Fixed<Part, Value>& fixed) {
  return config.*fixed.part.*fixed.value;
}

// Bound to sockets, directories, threads or handed-out segments when the daemon starts.
constexpr std::tuple kFixed{
    Fixed{"run_dir", &Config::run_dir},
    Fixed{"state_dir", &Config::state_dir},
    Fixed{"http", &Config::http},
    Fixed{"api", &Config::api},
    Fixed{"loop.priority", &Config::loop, &Loop::priority},
    Fixed{"lease", &Config::lease},
    Fixed{"series", &Config::series},
};

}  // namespace

Reading<std::optional<HttpAddress>> read_http(std::string_view text) {
  return read_address(text, "127.0.0.1:10857");
}

Reading<std::optional<HttpAddress>> read_address(std::string_view text, std::string_view example) {
  const auto fault = [&](std::string_view why) { return address_fault(text, why, example); };
  if (text == "off") return {std::optional<HttpAddress>{}, {}};
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return fault("has no port");
  const std::string_view address = text.substr(0, colon);
  const bool bracketed = address.starts_with('[') && address.ends_with(']');
  HttpAddress http;
  http.host = bracketed ? address.substr(1, address.size() - 2) : address;
  if (!bracketed && is_address(AF_INET6, std::string(text))) {
    return fault("has no port, and an IPv6 address stands in brackets");
  }
  if (!is_address(bracketed ? AF_INET6 : AF_INET, http.host)) {
    return fault("has no numeric address");
  }
  const auto port = read_count(text.substr(colon + 1));
  if (!port || *port.value > 65'535) return fault("has no port from 0 to 65535");
  http.port = static_cast<std::uint16_t>(*port.value);
  return {std::optional<HttpAddress>{http}, {}};
}

bool is_loopback(const HttpAddress& address) {
  if (address.host == "::1") return true;
  in_addr v4{};
  return inet_pton(AF_INET, address.host.c_str(), &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
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
    if (of(from, fixed) != of(to, fixed)) names.push_back(fixed.name);
  };
  std::apply([&](const auto&... fixed) { (compare(fixed), ...); }, kFixed);
  return names;
}

Config without_restart(const Config& from, Config to) {
  std::apply([&](const auto&... fixed) { ((of(to, fixed) = of(from, fixed)), ...); }, kFixed);
  return to;
}

}  // namespace pulsed::config
