#include "shared_memory/layout.h"

#include <array>
#include <bit>
#include <type_traits>
#include <utility>

namespace pulsed::shm {
namespace {

// The ABI, asserted once, here.
static_assert(std::endian::native == std::endian::little, "ABI v1 is little-endian");
static_assert(sizeof(pulsed_sample) == 16);
static_assert(sizeof(pulsed_worker_line) == PULSED_CACHE_LINE);
static_assert(sizeof(pulsed_service_line) == PULSED_CACHE_LINE);
static_assert(sizeof(pulsed_class_totals) == PULSED_CACHE_LINE);
static_assert(sizeof(pulsed_class_record) == PULSED_CACHE_LINE);
static_assert(sizeof(pulsed_daemon_line) == PULSED_CACHE_LINE);
static_assert(sizeof(pulsed_worker_word) == PULSED_CACHE_LINE);
static_assert(sizeof(pulsed_segment_header) <= PULSED_PAGE);
static_assert(sizeof(std::uint64_t) + sizeof(std::uint32_t) + sizeof(std::uint32_t) == 16,
              "a live task costs 16 bytes: usage and identity in S, its word in D");
static_assert(__atomic_always_lock_free(sizeof(std::uint64_t), nullptr));
static_assert(std::is_trivially_copyable_v<pulsed_segment_header>);

struct Record {
  std::uint32_t size;
  std::uint64_t count;
};

template <std::size_t N>
using Records = std::array<Record, N>;

Records<PULSED_S_REGION_COUNT> service_records(const Dimensions& d) {
  Records<PULSED_S_REGION_COUNT> r{};
  r[PULSED_S_SERVICE] = {sizeof(pulsed_service_line), 1};
  r[PULSED_S_LINES] = {sizeof(pulsed_worker_line), d.workers};
  r[PULSED_S_RINGS] = {sizeof(pulsed_sample), std::uint64_t{d.workers} * d.ring_samples};
  r[PULSED_S_USAGE] = {sizeof(std::uint64_t), d.tasks};
  r[PULSED_S_IDENTITY] = {sizeof(std::uint32_t), d.tasks};
  r[PULSED_S_TOTALS] = {sizeof(pulsed_class_totals), std::uint64_t{d.workers} * d.classes};
  r[PULSED_S_CLASSES] = {sizeof(pulsed_class_record), d.classes};
  return r;
}

Records<PULSED_D_REGION_COUNT> daemon_records(const Dimensions& d) {
  Records<PULSED_D_REGION_COUNT> r{};
  r[PULSED_D_DAEMON] = {sizeof(pulsed_daemon_line), 1};
  r[PULSED_D_READS] = {sizeof(std::uint64_t), d.workers};
  r[PULSED_D_WORKERS] = {sizeof(pulsed_worker_word), d.workers};
  r[PULSED_D_TASKS] = {sizeof(std::uint32_t), d.tasks};
  r[PULSED_D_CLASSES] = {sizeof(std::uint32_t), d.classes};
  return r;
}

constexpr std::uint64_t page_up(std::uint64_t bytes) {
  return (bytes + PULSED_PAGE - 1) & ~std::uint64_t{PULSED_PAGE - 1};
}

template <std::size_t N>
void place(const Records<N>& records, pulsed_segment_header& h) {
  std::uint64_t offset = PULSED_PAGE;
  for (std::size_t i = 0; i < N; ++i) {
    h.regions[i] = {offset, records[i].count, records[i].size, 0};
    offset += page_up(records[i].count * records[i].size);
  }
  h.region_count = N;
  h.segment_bytes = offset;
}

template <std::size_t N>
std::optional<std::string> reject_regions(const Records<N>& needed,
                                          const pulsed_segment_header& h) {
  if (h.region_count < N || h.region_count > PULSED_REGION_SLOTS)
    return "region count out of range";
  std::uint64_t end = PULSED_PAGE;  // regions come in order, so that overlap shows as going back
  for (std::size_t i = 0; i < N; ++i) {
    const pulsed_region& r = h.regions[i];
    const std::string at = "region " + std::to_string(i) + ": ";
    if (r.record_size != needed[i].size) return at + "record size differs";
    if (r.count < needed[i].count) return at + "too few records";
    if (r.offset % PULSED_PAGE != 0 || r.offset < end) return at + "misplaced";
    if (r.offset > h.segment_bytes || r.count > (h.segment_bytes - r.offset) / r.record_size) {
      return at + "leaves the segment";
    }
    end = page_up(r.offset + r.count * r.record_size);
  }
  return std::nullopt;
}

template <typename T>
T* at(std::byte* base, const pulsed_segment_header& h, std::size_t region) {
  return reinterpret_cast<T*>(base + h.regions[region].offset);
}

}  // namespace

std::optional<std::string> out_of_range(const Dimensions& d) {
  const auto check = [](const char* what, std::uint32_t value, std::uint32_t low,
                        std::uint32_t high) -> std::optional<std::string> {
    if (value >= low && value <= high) return std::nullopt;
    return std::string(what) + ": " + std::to_string(value) + " is not in [" + std::to_string(low) +
           ", " + std::to_string(high) + "]";
  };
  if (auto e = check("workers", d.workers, 1, PULSED_MAX_WORKERS)) return e;
  if (auto e = check("ring_samples", d.ring_samples, 64, PULSED_MAX_RING)) return e;
  if (auto e = check("tasks", d.tasks, 64, PULSED_MAX_TASKS)) return e;
  if (auto e = check("classes", d.classes, 2, PULSED_MAX_CLASSES)) return e;
  if (!std::has_single_bit(d.ring_samples)) {
    return "ring_samples: " + std::to_string(d.ring_samples) + " is not a power of two";
  }
  return std::nullopt;
}

pulsed_segment_header make_header(Side side, const Dimensions& d, ClockInfo clock,
                                  std::uint64_t attachment) {
  pulsed_segment_header h{};
  h.abi_major = PULSED_ABI_MAJOR;
  h.abi_minor = PULSED_ABI_MINOR;
  h.clock_kind = clock.kind;
  h.ring_samples = d.ring_samples;
  h.ticks_per_second = clock.ticks_per_second;
  h.attachment = attachment;
  side == Side::kService ? place(service_records(d), h) : place(daemon_records(d), h);
  return h;
}

std::optional<std::string> reject(Side side, const pulsed_segment_header& h, std::uint64_t bytes,
                                  const Dimensions& d) {
  if (h.magic != (side == Side::kService ? PULSED_MAGIC_S : PULSED_MAGIC_D)) return "wrong magic";
  if (h.abi_major != PULSED_ABI_MAJOR) {
    return "ABI major " + std::to_string(h.abi_major) + ", not " + std::to_string(PULSED_ABI_MAJOR);
  }
  if (h.segment_bytes != bytes) return "segment size differs from its header";
  if (h.ring_samples != d.ring_samples) return "ring size differs from what was asked";
  if (h.ticks_per_second < 1'000'000 || h.ticks_per_second > 100'000'000'000) {
    return "clock frequency out of range";
  }
  return side == Side::kService ? reject_regions(service_records(d), h)
                                : reject_regions(daemon_records(d), h);
}

ServiceRegions service_regions(std::byte* base, const pulsed_segment_header& h) {
  return {at<pulsed_service_line>(base, h, PULSED_S_SERVICE),
          at<pulsed_worker_line>(base, h, PULSED_S_LINES),
          at<pulsed_sample>(base, h, PULSED_S_RINGS),
          at<std::uint64_t>(base, h, PULSED_S_USAGE),
          at<std::uint32_t>(base, h, PULSED_S_IDENTITY),
          at<pulsed_class_totals>(base, h, PULSED_S_TOTALS),
          at<pulsed_class_record>(base, h, PULSED_S_CLASSES)};
}

DaemonRegions daemon_regions(std::byte* base, const pulsed_segment_header& h) {
  return {at<pulsed_daemon_line>(base, h, PULSED_D_DAEMON),
          at<std::uint64_t>(base, h, PULSED_D_READS),
          at<pulsed_worker_word>(base, h, PULSED_D_WORKERS),
          at<std::uint32_t>(base, h, PULSED_D_TASKS), at<std::uint32_t>(base, h, PULSED_D_CLASSES)};
}

}  // namespace pulsed::shm
