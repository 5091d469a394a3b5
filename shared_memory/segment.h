// A segment's memory: a sealed memfd and its mapping. Boost.Interprocess stays inside segment.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "shared_memory/layout.h"

namespace pulsed::shm {

// A file descriptor with one owner.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  void reset();
  // From now on the caller's to close.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// A mapped segment; unmapped by its destructor. Movable.
class Mapping {
 public:
  Mapping();
  ~Mapping();
  Mapping(Mapping&&) noexcept;
  Mapping& operator=(Mapping&&) noexcept;
  [[nodiscard]] std::byte* data() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool valid() const { return region_ != nullptr; }
  // Children of fork(2) do not inherit the mapping.
  void keep_from_children() const;

 private:
  friend struct MappingAccess;
  struct Region;
  std::unique_ptr<Region> region_;
};

enum class Access { kReadOnly, kReadWrite };

// Maps `bytes` of a segment. On failure an invalid mapping, and `error` says why.
[[nodiscard]] Mapping map_segment(int fd, std::size_t bytes, Access access, std::string& error);

struct DaemonEnd {
  Fd service_fd;                         // S, to be handed over
  Fd daemon_fd;                          // D, to be handed over
  Mapping service;                       // S, read-only
  Mapping daemon;                        // D, read-write
  pulsed_segment_header service_header;  // private copies
  pulsed_segment_header daemon_header;
};
// Daemon: creates, sizes, maps and seals both segments. Memory is touched only as it is used.
[[nodiscard]] std::optional<DaemonEnd> create_segments(const Dimensions& d, ClockInfo clock,
                                                       std::uint64_t attachment,
                                                       std::string& error);

struct ServiceEnd {
  Mapping service;  // S, read-write
  Mapping daemon;   // D, read-only
  pulsed_segment_header service_header;
  pulsed_segment_header daemon_header;
};
// Service: checks seals, sizes and headers of what a daemon handed over, and maps it. Refuses what could fault later.
[[nodiscard]] std::optional<ServiceEnd> open_segments(int service_fd, int daemon_fd,
                                                      const Dimensions& d, std::string& error);

}  // namespace pulsed::shm
