// What pulsed.yaml, the environment and the flags decide, as typed values. Parsed once, handed down
// in parts.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config_error.h"
#include "daemon/config/units.h"
#include "shared_memory/abi.h"

namespace pulsed::config {

// A numeric address: nothing is resolved at start-up. Port 0 lets the kernel choose.
struct HttpAddress {
  std::string host = "127.0.0.1";  // "::1" without brackets
  std::uint16_t port = 10857;
  friend bool operator==(const HttpAddress&, const HttpAddress&) = default;
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
inline constexpr std::array<std::string_view, 4> kLogLevelNames{"debug", "info", "warn", "error"};

// Services over the daemon, bytes over a uid (root excepted); the rest is what one service may ask
// for. Over a cap an attach is refused, and counted.
struct Limits {
  std::uint32_t services = 256;
  std::uint32_t services_per_uid = 64;
  std::uint32_t workers = PULSED_MAX_WORKERS;
  std::uint32_t ring_samples = PULSED_MAX_RING;  // a power of two
  std::uint32_t tasks = PULSED_MAX_TASKS;
  std::uint32_t classes = PULSED_MAX_CLASSES;
  std::uint64_t segment_bytes_per_uid = 16ULL << 30;  // S and D as sized, not as touched
  friend bool operator==(const Limits&, const Limits&) = default;
};

struct Attach {
  // Whose services may attach; empty: anyone's when pulsed runs as root, else only those of its own
  // uid.
  std::vector<std::uint32_t> allow_uids;
  friend bool operator==(const Attach&, const Attach&) = default;
};

// The API beside api.sock and admin/api.sock, which are always there.
struct Api {
  struct Tls {  // PEM files, absolute paths, read at the start
    std::filesystem::path certificate;
    std::filesystem::path key;
    std::filesystem::path client_ca;  // who signs the certificates of clients, which each needs
    friend bool operator==(const Tls&, const Tls&) = default;
  };
  std::vector<std::uint32_t> admin_uids;  // may use the admin socket, beside root and our own uid
  std::optional<HttpAddress> tcp;         // none: "off". Without tls: loopback, and for reading
  std::optional<Tls> tls;
  std::vector<std::string> admins;  // common names of certificates that may change things
  friend bool operator==(const Api&, const Api&) = default;
};

enum class LoopPriority : std::uint8_t { kHigh, kNormal };
inline constexpr std::array<std::string_view, 2> kLoopPriorityNames{"high", "normal"};

struct Loop {
  Duration tick = std::chrono::milliseconds{1};        // polls in flight, or samples of late
  Duration rest_tick = std::chrono::milliseconds{10};  // nothing going on
  Duration near_budget_tick = std::chrono::microseconds{100};  // a poll nears its budget
  LoopPriority priority = LoopPriority::kHigh;  // nice -20 or SCHED_FIFO where allowed
  friend bool operator==(const Loop&, const Loop&) = default;
};

// Bounds on what /metrics shows; what is over one is folded into `other`, and counted.
struct Series {
  std::uint32_t label_values = 100;  // distinct service names, and class names of all services
  std::uint32_t classes_per_service = 100;
  std::uint32_t classes = 1'000;  // of all services together, beside one `other` a service
  Duration keep_departed = std::chrono::minutes{5};  // series of a service without a process
  friend bool operator==(const Series&, const Series&) = default;
};

struct Config {
  std::filesystem::path run_dir;                    // absolute
  std::filesystem::path state_dir;                  // absolute
  std::optional<HttpAddress> http = HttpAddress{};  // none: "off"
  std::filesystem::path policy;                     // absolute
  LogLevel log_level = LogLevel::kInfo;
  Limits limits;
  Attach attach;
  Api api;
  Loop loop;
  Duration lease = std::chrono::seconds{1};
  Series series;
  friend bool operator==(const Config&, const Config&) = default;
};

// The longest run directory whose sockets still fit a socket address.
inline constexpr std::size_t kLongestRunDir = 107 - std::string_view("/admin/api.sock").size();
inline constexpr std::size_t kLongestPath = 4095;

// "127.0.0.1:10857", "[::1]:10857" or "off".
[[nodiscard]] Reading<std::optional<HttpAddress>> read_http(std::string_view text);
// The same, where messages show `example`.
[[nodiscard]] Reading<std::optional<HttpAddress>> read_address(std::string_view text,
                                                               std::string_view example);
// 127.0.0.0/8 and ::1, which no other machine reaches.
[[nodiscard]] bool is_loopback(const HttpAddress& address);
[[nodiscard]] std::string http_text(const std::optional<HttpAddress>& http);

// An absolute path of at most `longest` bytes, without `..`, normalised.
[[nodiscard]] Reading<std::filesystem::path> read_path(std::string_view text, std::size_t longest);

// Settings that a running daemon cannot take over, where the two differ: "http", "loop.priority"...
[[nodiscard]] std::vector<std::string_view> need_restart(const Config& from, const Config& to);
// `to`, with those settings as they are in `from`.
[[nodiscard]] Config without_restart(const Config& from, Config to);

}  // namespace pulsed::config
