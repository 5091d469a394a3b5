#include "shared_memory/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/interprocess/mapped_region.hpp>
#include <cerrno>
#include <cstring>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  // Linux 6.3
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010  // Linux 5.1
#endif

namespace pulsed::shm {
namespace {

namespace ipc = boost::interprocess;

constexpr int kServiceSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
constexpr int kDaemonSeals = kServiceSeals | F_SEAL_FUTURE_WRITE;

// What mapped_region asks of a memory-mappable object.
class MemfdHandle {
 public:
  explicit MemfdHandle(int fd) : fd_(fd) {}
  [[nodiscard]] ipc::mapping_handle_t get_mapping_handle() const { return {fd_, false}; }

 private:
  int fd_;
};

std::string failed(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

Fd create_memfd(const char* name, std::uint64_t bytes, std::string& error) {
  int fd = ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (fd < 0 && errno == EINVAL) fd = ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) {
    error = failed("memfd_create");
    return {};
  }
  Fd owned(fd);
  if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    error = failed("ftruncate");
    return {};
  }
  return owned;
}

// The daemon never maps S writable, so its header goes in through the descriptor; the magic last.
bool write_header(int fd, pulsed_segment_header header, std::uint64_t magic, std::string& error) {
  const auto write_at = [fd](const void* data, std::size_t n, off_t offset) {
    return ::pwrite(fd, data, n, offset) == static_cast<ssize_t>(n);
  };
  header.magic = 0;
  if (write_at(&header, sizeof(header), 0) && write_at(&magic, sizeof(magic), 0)) return true;
  error = failed("pwrite");
  return false;
}

bool sealed(int fd, int seals, std::string& error) {
  const int found = ::fcntl(fd, F_GET_SEALS);
  if (found >= 0 && (found & seals) == seals) return true;
  error = found < 0 ? failed("F_GET_SEALS") : "the segment is not sealed as the ABI asks";
  return false;
}

bool check_size_and_header(Side side, int fd, const Dimensions& d, pulsed_segment_header& header,
                           std::string& error) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) {
    error = failed("fstat");
    return false;
  }
  if (::pread(fd, &header, sizeof(header), 0) != static_cast<ssize_t>(sizeof(header))) {
    error = "the segment has no header";
    return false;
  }
  if (auto why = reject(side, header, static_cast<std::uint64_t>(st.st_size), d)) {
    error = *why;
    return false;
  }
  return true;
}

}  // namespace

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

struct Mapping::Region {
  ipc::mapped_region region;
};

struct MappingAccess {
  static void set(Mapping& m, ipc::mapped_region&& region) {
    m.region_ = std::make_unique<Mapping::Region>(Mapping::Region{std::move(region)});
  }
};

Mapping::Mapping() = default;
Mapping::~Mapping() = default;
Mapping::Mapping(Mapping&&) noexcept = default;
Mapping& Mapping::operator=(Mapping&&) noexcept = default;

std::byte* Mapping::data() const { return static_cast<std::byte*>(region_->region.get_address()); }
std::size_t Mapping::size() const { return region_->region.get_size(); }
void Mapping::keep_from_children() const { ::madvise(data(), size(), MADV_DONTFORK); }

Mapping map_segment(int fd, std::size_t bytes, Access access, std::string& error) {
  Mapping mapping;
  try {
    // The size is given, because mapped_region would ask a file for it that the peer can no longer change anyway.
    MappingAccess::set(
        mapping, ipc::mapped_region(MemfdHandle(fd),
                                    access == Access::kReadOnly ? ipc::read_only : ipc::read_write,
                                    0, bytes));
  } catch (const std::exception& e) {
    error = std::string("mmap: ") + e.what();
  }
  return mapping;
}

std::optional<DaemonEnd> create_segments(const Dimensions& d, ClockInfo clock,
                                         std::uint64_t attachment, std::string& error) {
  DaemonEnd end;
  end.service_header = make_header(Side::kService, d, clock, attachment);
  end.daemon_header = make_header(Side::kDaemon, d, clock, attachment);
  end.service_fd = create_memfd("pulsed-s", end.service_header.segment_bytes, error);
  if (!end.service_fd.valid()) return std::nullopt;
  end.daemon_fd = create_memfd("pulsed-d", end.daemon_header.segment_bytes, error);
  if (!end.daemon_fd.valid()) return std::nullopt;
  if (!write_header(end.service_fd.get(), end.service_header, PULSED_MAGIC_S, error) ||
      !write_header(end.daemon_fd.get(), end.daemon_header, PULSED_MAGIC_D, error)) {
    return std::nullopt;
  }
  end.service =
      map_segment(end.service_fd.get(), end.service_header.segment_bytes, Access::kReadOnly, error);
  end.daemon =
      map_segment(end.daemon_fd.get(), end.daemon_header.segment_bytes, Access::kReadWrite, error);
  if (!end.service.valid() || !end.daemon.valid()) return std::nullopt;
  // After our own writable mapping of D: FUTURE_WRITE spares mappings that exist.
  if (::fcntl(end.service_fd.get(), F_ADD_SEALS, kServiceSeals) != 0 ||
      ::fcntl(end.daemon_fd.get(), F_ADD_SEALS, kDaemonSeals) != 0) {
    error = failed("F_ADD_SEALS");
    return std::nullopt;
  }
  return end;
}

std::optional<ServiceEnd> open_segments(int service_fd, int daemon_fd, const Dimensions& d,
                                        std::string& error) {
  ServiceEnd end;
  if (!sealed(service_fd, kServiceSeals, error) || !sealed(daemon_fd, kDaemonSeals, error) ||
      !check_size_and_header(Side::kService, service_fd, d, end.service_header, error) ||
      !check_size_and_header(Side::kDaemon, daemon_fd, d, end.daemon_header, error)) {
    return std::nullopt;
  }
  end.service =
      map_segment(service_fd, end.service_header.segment_bytes, Access::kReadWrite, error);
  end.daemon = map_segment(daemon_fd, end.daemon_header.segment_bytes, Access::kReadOnly, error);
  if (!end.service.valid() || !end.daemon.valid()) return std::nullopt;
  return end;
}

}  // namespace pulsed::shm
