#include "shared_memory/segment.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <string>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace pulsed::shm {
namespace {

constexpr ClockInfo kClock{PULSED_CLOCK_MONOTONIC, 1'000'000'000};
constexpr int kServiceSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
constexpr int kDaemonSeals = kServiceSeals | F_SEAL_FUTURE_WRITE;

DaemonEnd create(const Dimensions& d = {}) {
  std::string error;
  std::optional<DaemonEnd> end = create_segments(d, kClock, 1, error);
  REQUIRE_MESSAGE(end, error);
  return std::move(*end);
}

// The kernel writes for us, so that read-only memory is an error code and not a signal.
bool writable(std::byte* at) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const Fd out(ends[0]), in(ends[1]);
  REQUIRE(::write(in.get(), at, 1) == 1);
  return ::read(out.get(), at, 1) == 1;
}

std::uint64_t bytes_in_memory(int fd) {
  struct stat st {};
  REQUIRE(::fstat(fd, &st) == 0);
  return static_cast<std::uint64_t>(st.st_blocks) * 512;
}

// A segment as some other daemon might hand it over.
Fd make_segment(const pulsed_segment_header& header, std::uint64_t bytes, int seals) {
  Fd fd(::memfd_create("pulsed-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(::ftruncate(fd.get(), static_cast<off_t>(bytes)) == 0);
  const auto n = std::min<std::size_t>(sizeof(header), bytes);
  REQUIRE(::pwrite(fd.get(), &header, n, 0) == static_cast<ssize_t>(n));
  if (seals != 0) REQUIRE(::fcntl(fd.get(), F_ADD_SEALS, seals) == 0);
  return fd;
}

pulsed_segment_header complete(Side side) {
  pulsed_segment_header h = make_header(side, {}, kClock, 1);
  h.magic = side == Side::kService ? PULSED_MAGIC_S : PULSED_MAGIC_D;
  return h;
}

// Why the service refuses what differs from a good pair in this; empty if it does not.
struct Offer {
  pulsed_segment_header s = complete(Side::kService);
  pulsed_segment_header d = complete(Side::kDaemon);
  std::uint64_t s_bytes = s.segment_bytes, d_bytes = d.segment_bytes;
  int s_seals = kServiceSeals, d_seals = kDaemonSeals;
};
std::string refusal(const std::function<void(Offer&)>& spoil) {
  Offer offer;
  spoil(offer);
  const Fd s = make_segment(offer.s, offer.s_bytes, offer.s_seals);
  const Fd d = make_segment(offer.d, offer.d_bytes, offer.d_seals);
  std::string error;
  const bool taken = open_segments(s.get(), d.get(), {}, error).has_value();
  CHECK(taken == error.empty());
  return error;
}

TEST_CASE("both ends see what the other writes and cannot write what is not theirs") {
  DaemonEnd daemon = create();
  std::string error;
  std::optional<ServiceEnd> service =
      open_segments(daemon.service_fd.get(), daemon.daemon_fd.get(), {}, error);
  REQUIRE_MESSAGE(service, error);
  CHECK(writable(service->service.data() + PULSED_PAGE));
  CHECK(writable(daemon.daemon.data() + PULSED_PAGE));
  CHECK_FALSE(writable(service->daemon.data() + PULSED_PAGE));
  CHECK_FALSE(writable(daemon.service.data() + PULSED_PAGE));

  const ServiceRegions ours = service_regions(service->service.data(), service->service_header);
  const ServiceRegions theirs = service_regions(daemon.service.data(), daemon.service_header);
  ours.identity[65535] = 42;
  CHECK(theirs.identity[65535] == 42);
  const DaemonRegions asked = daemon_regions(daemon.daemon.data(), daemon.daemon_header);
  const DaemonRegions seen = daemon_regions(service->daemon.data(), service->daemon_header);
  asked.classes[1023] = 43;
  CHECK(seen.classes[1023] == 43);
}

TEST_CASE("a service finds no way to write segment D") {
  DaemonEnd end = create();
  const int fd = end.daemon_fd.get();
  const char byte = 1;
  CHECK(::pwrite(fd, &byte, 1, PULSED_PAGE) == -1);
  CHECK(errno == EPERM);
  CHECK(::mmap(nullptr, PULSED_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  CHECK(errno == EPERM);
  CHECK(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PULSED_PAGE) == -1);
  const Fd again(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDWR | O_CLOEXEC));
  CHECK(::mmap(nullptr, PULSED_PAGE, PROT_WRITE, MAP_SHARED, again.get(), 0) == MAP_FAILED);
  std::string error;
  const Mapping mapped = map_segment(fd, end.daemon_header.segment_bytes, Access::kReadOnly, error);
  REQUIRE(mapped.valid());
  CHECK(::mprotect(mapped.data(), PULSED_PAGE, PROT_READ | PROT_WRITE) == -1);
  CHECK(errno == EACCES);
}

TEST_CASE("nobody can shrink or grow or reseal a segment") {
  DaemonEnd end = create();
  for (const int fd : {end.service_fd.get(), end.daemon_fd.get()}) {
    struct stat st {};
    REQUIRE(::fstat(fd, &st) == 0);
    CHECK(::ftruncate(fd, st.st_size - PULSED_PAGE) == -1);
    CHECK(::ftruncate(fd, st.st_size + PULSED_PAGE) == -1);
    CHECK(::ftruncate(fd, 0) == -1);
    CHECK(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1);
    CHECK(errno == EPERM);
  }
}

TEST_CASE("what the daemon creates carries its private headers and the magic") {
  DaemonEnd end = create();
  const auto on_disk = [](int fd) {
    pulsed_segment_header h{};
    REQUIRE(::pread(fd, &h, sizeof(h), 0) == sizeof(h));
    return h;
  };
  CHECK(on_disk(end.service_fd.get()).magic == PULSED_MAGIC_S);
  CHECK(on_disk(end.daemon_fd.get()).magic == PULSED_MAGIC_D);
  CHECK(on_disk(end.service_fd.get()).segment_bytes == end.service.size());
  CHECK(on_disk(end.daemon_fd.get()).segment_bytes == end.daemon.size());
}

TEST_CASE("segments that lack a seal are refused") {
  CHECK(refusal([](Offer&) {}).empty());
  for (const int missing : {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL}) {
    CHECK_FALSE(refusal([&](Offer& o) { o.s_seals &= ~missing; }).empty());
    CHECK_FALSE(refusal([&](Offer& o) { o.d_seals &= ~missing; }).empty());
  }
  CHECK_FALSE(refusal([](Offer& o) { o.d_seals &= ~F_SEAL_FUTURE_WRITE; }).empty());
  CHECK_FALSE(refusal([](Offer& o) { o.s_seals = 0; }).empty());
}

TEST_CASE("segments with a wrong header or size are refused") {
  CHECK(refusal([](Offer& o) { o.s.magic = 0; }) == "wrong magic");
  CHECK(refusal([](Offer& o) { o.d.magic = PULSED_MAGIC_S; }) == "wrong magic");
  CHECK(refusal([](Offer& o) { o.d.abi_major = 2; }) == "ABI major 2, not 1");
  CHECK(refusal([](Offer& o) { o.s_bytes -= PULSED_PAGE; }) ==
        "segment size differs from its header");
  CHECK(refusal([](Offer& o) { o.d_bytes += PULSED_PAGE; }) ==
        "segment size differs from its header");
  CHECK(refusal([](Offer& o) { o.s_bytes = 100; }) == "the segment has no header");
  CHECK(refusal([](Offer& o) { o.s.regions[PULSED_S_USAGE].count /= 2; }) ==
        "region 3: too few records");
}

TEST_CASE("descriptors that are no memfd are refused") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const Fd out(ends[0]), in(ends[1]);
  std::string error;
  CHECK_FALSE(open_segments(out.get(), in.get(), {}, error));
  CHECK_FALSE(error.empty());
  error.clear();
  CHECK_FALSE(open_segments(-1, -1, {}, error));
  CHECK_FALSE(error.empty());
}

TEST_CASE("a newer minor with a further region is mapped") {
  CHECK(refusal([](Offer& o) {
          for (pulsed_segment_header* h : {&o.s, &o.d}) {
            h->abi_minor = 3;
            h->regions[h->region_count++] = {h->segment_bytes, 1, 64, 0};
            h->segment_bytes += PULSED_PAGE;
          }
          o.s_bytes = o.s.segment_bytes;
          o.d_bytes = o.d.segment_bytes;
        }).empty());
}

TEST_CASE("segments of the greatest dimensions take memory only as it is used") {
  const Dimensions greatest{PULSED_MAX_WORKERS, PULSED_MAX_RING, PULSED_MAX_TASKS,
                            PULSED_MAX_CLASSES};
  DaemonEnd daemon = create(greatest);
  std::string error;
  std::optional<ServiceEnd> service =
      open_segments(daemon.service_fd.get(), daemon.daemon_fd.get(), greatest, error);
  REQUIRE_MESSAGE(service, error);
  const int s = daemon.service_fd.get();
  const int d = daemon.daemon_fd.get();
  CHECK(daemon.service.size() > std::size_t{64} << 30);
  CHECK(bytes_in_memory(s) == PULSED_PAGE);
  CHECK(bytes_in_memory(d) == PULSED_PAGE);

  const ServiceRegions r = service_regions(service->service.data(), service->service_header);
  r.rings[std::size_t{greatest.workers} * greatest.ring_samples - 1].ref = 1;
  r.usage[greatest.tasks - 1] = 1;
  r.totals[std::size_t{greatest.workers} * greatest.classes - 1].polls = 1;
  CHECK(bytes_in_memory(s) == 4 * PULSED_PAGE);
  const ServiceRegions seen = service_regions(daemon.service.data(), daemon.service_header);
  CHECK(seen.usage[greatest.tasks - 1] == 1);
  CHECK(bytes_in_memory(s) == 4 * PULSED_PAGE);
}

TEST_CASE("a mapping and a descriptor have one owner when moved") {
  DaemonEnd end = create();
  const std::byte* at = end.daemon.data();
  const Mapping moved = std::move(end.daemon);
  CHECK(moved.data() == at);
  CHECK_FALSE(end.daemon.valid());
  const int raw = end.daemon_fd.get();
  Fd fd = std::move(end.daemon_fd);
  CHECK(fd.get() == raw);
  CHECK_FALSE(end.daemon_fd.valid());
  fd.reset();
  CHECK(::fcntl(raw, F_GETFD) == -1);
}

}  // namespace
}  // namespace pulsed::shm
