#include "shared_memory/layout.h"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace pulsed::shm {
namespace {

constexpr ClockInfo kClock{PULSED_CLOCK_TSC, 2'600'000'000};
constexpr std::uint64_t kAttachment = 7;

pulsed_segment_header complete(Side side, const Dimensions& d = {}) {
  pulsed_segment_header h = make_header(side, d, kClock, kAttachment);
  h.magic = side == Side::kService ? PULSED_MAGIC_S : PULSED_MAGIC_D;
  return h;
}

std::string why(Side side, const pulsed_segment_header& h, const Dimensions& d = {}) {
  return reject(side, h, h.segment_bytes, d).value_or("");
}

struct Placed {
  std::uint64_t offset, count;
  std::uint32_t record_size;
};

template <std::size_t N>
void check_regions(const pulsed_segment_header& h, const std::array<Placed, N>& expected) {
  REQUIRE(h.region_count == N);
  for (std::size_t i = 0; i < N; ++i) {
    CAPTURE(i);
    CHECK(h.regions[i].offset == expected[i].offset);
    CHECK(h.regions[i].count == expected[i].count);
    CHECK(h.regions[i].record_size == expected[i].record_size);
  }
}

TEST_CASE("the default segment S lies where ABI v1 says") {
  const pulsed_segment_header h = complete(Side::kService);
  check_regions<PULSED_S_REGION_COUNT>(h, {{{4096, 1, 64},
                                            {8192, 64, 64},
                                            {12288, 1048576, 16},
                                            {16789504, 65536, 8},
                                            {17313792, 65536, 4},
                                            {17575936, 65536, 64},
                                            {21770240, 1024, 64}}});
  CHECK(h.segment_bytes == 21835776);
}

TEST_CASE("the default segment D lies where ABI v1 says") {
  const pulsed_segment_header h = complete(Side::kDaemon);
  check_regions<PULSED_D_REGION_COUNT>(
      h, {{{4096, 1, 64}, {8192, 64, 8}, {12288, 64, 64}, {16384, 65536, 4}, {278528, 1024, 4}}});
  CHECK(h.segment_bytes == 282624);
}

TEST_CASE("regions are found at the addresses their header names") {
  std::vector<std::byte> nowhere(1);  // addresses are computed and never followed
  std::byte* base = nowhere.data();
  const ServiceRegions s = service_regions(base, complete(Side::kService));
  CHECK(reinterpret_cast<std::byte*>(s.service) == base + 4096);
  CHECK(reinterpret_cast<std::byte*>(s.rings) == base + 12288);
  CHECK(reinterpret_cast<std::byte*>(s.usage) == base + 16789504);
  CHECK(reinterpret_cast<std::byte*>(s.identity) == base + 17313792);
  CHECK(reinterpret_cast<std::byte*>(s.totals) == base + 17575936);
  CHECK(reinterpret_cast<std::byte*>(s.classes) == base + 21770240);
  const DaemonRegions d = daemon_regions(base, complete(Side::kDaemon));
  CHECK(reinterpret_cast<std::byte*>(d.daemon) == base + 4096);
  CHECK(reinterpret_cast<std::byte*>(d.reads) == base + 8192);
  CHECK(reinterpret_cast<std::byte*>(d.workers) == base + 12288);
  CHECK(reinterpret_cast<std::byte*>(d.tasks) == base + 16384);
  CHECK(reinterpret_cast<std::byte*>(d.classes) == base + 278528);
}

TEST_CASE("a fresh header has everything but its magic") {
  const pulsed_segment_header h = make_header(Side::kService, {}, kClock, kAttachment);
  CHECK(h.magic == 0);
  CHECK(h.abi_major == 1);
  CHECK(h.abi_minor == PULSED_ABI_MINOR);
  CHECK(h.clock_kind == PULSED_CLOCK_TSC);
  CHECK(h.ticks_per_second == 2'600'000'000);
  CHECK(h.ring_samples == 16384);
  CHECK(h.attachment == 7);
  CHECK(h.features == 0);
}

TEST_CASE("a live task costs sixteen bytes over both segments") {
  Dimensions few, many;
  few.tasks = 65536;
  many.tasks = 65536 + (1 << 20);
  const auto bytes = [](const Dimensions& d) {
    return complete(Side::kService, d).segment_bytes + complete(Side::kDaemon, d).segment_bytes;
  };
  CHECK(bytes(many) - bytes(few) == 16ULL << 20);
}

TEST_CASE("dimensions are taken up to both ends of their ranges and no further") {
  struct Range {
    std::uint32_t Dimensions::*field;
    std::uint32_t least, most;
  };
  for (const Range& r :
       {Range{&Dimensions::workers, 1, 4096}, Range{&Dimensions::ring_samples, 64, 1 << 20},
        Range{&Dimensions::tasks, 64, 1 << 24}, Range{&Dimensions::classes, 2, 4096}}) {
    CAPTURE(r.most);
    const auto with = [&](std::uint32_t value) {
      Dimensions d;
      d.*r.field = value;
      return out_of_range(d);
    };
    CHECK_FALSE(with(r.least));
    CHECK_FALSE(with(r.most));
    CHECK(with(r.least - 1));
    CHECK(with(r.most + 1));
    CHECK(with(UINT32_MAX));
  }
}

TEST_CASE("what is out of range is named with its value and its range") {
  Dimensions d;
  d.workers = 5000;
  CHECK(out_of_range(d) == "workers: 5000 is not in [1, 4096]");
  d = {};
  d.ring_samples = 100;
  CHECK(out_of_range(d) == "ring_samples: 100 is not a power of two");
}

TEST_CASE("the greatest dimensions fit and are accepted") {
  const Dimensions d{4096, 1 << 20, 1 << 24, 4096};
  for (const Side side : {Side::kService, Side::kDaemon}) {
    CHECK(why(side, complete(side, d), d).empty());
  }
}

TEST_CASE("a header is refused for each thing that can be wrong in it") {
  using Spoil = void (*)(pulsed_segment_header&);
  struct Case {
    Spoil spoil;
    const char* reason;
  };
  constexpr auto kRings = PULSED_S_RINGS;
  for (const Case& c : {
           Case{[](auto& h) { h.magic = 0; }, "wrong magic"},
           Case{[](auto& h) { h.magic = PULSED_MAGIC_D; }, "wrong magic"},
           Case{[](auto& h) { h.abi_major = 2; }, "ABI major 2, not 1"},
           Case{[](auto& h) { h.abi_major = 0; }, "ABI major 0, not 1"},
           Case{[](auto& h) { h.ring_samples = 8192; }, "ring size differs from what was asked"},
           Case{[](auto& h) { h.ticks_per_second = 999'999; }, "clock frequency out of range"},
           Case{[](auto& h) { h.ticks_per_second = 100'000'000'001; },
                "clock frequency out of range"},
           Case{[](auto& h) { h.region_count = 6; }, "region count out of range"},
           Case{[](auto& h) { h.region_count = 17; }, "region count out of range"},
           Case{[](auto& h) { h.regions[kRings].record_size = 8; },
                "region 2: record size differs"},
           Case{[](auto& h) { --h.regions[kRings].count; }, "region 2: too few records"},
           Case{[](auto& h) { h.regions[kRings].offset += 64; }, "region 2: misplaced"},
           Case{[](auto& h) { h.regions[kRings].offset -= PULSED_PAGE; }, "region 2: misplaced"},
           Case{[](auto& h) { h.regions[0].offset = 0; }, "region 0: misplaced"},
           Case{[](auto& h) { h.regions[kRings].offset = h.segment_bytes; },
                "region 2: leaves the segment"},
           Case{[](auto& h) { h.regions[kRings].offset = UINT64_MAX - PULSED_PAGE + 1; },
                "region 2: leaves the segment"},
           Case{[](auto& h) { h.regions[kRings].count = UINT64_MAX; },
                "region 2: leaves the segment"},
           Case{[](auto& h) { h.regions[PULSED_S_CLASSES].count = 1025; },
                "region 6: leaves the segment"},
       }) {
    pulsed_segment_header h = complete(Side::kService);
    c.spoil(h);
    CHECK(why(Side::kService, h) == c.reason);
  }
}

TEST_CASE("a header of another size than its segment is refused") {
  const pulsed_segment_header h = complete(Side::kDaemon);
  const auto with = [&](std::uint64_t bytes) { return reject(Side::kDaemon, h, bytes, {}); };
  CHECK_FALSE(with(h.segment_bytes));
  CHECK(with(h.segment_bytes - 1) == "segment size differs from its header");
  CHECK(with(h.segment_bytes + 1) == "segment size differs from its header");
}

TEST_CASE("clock frequencies are taken up to both ends of their range") {
  for (const std::uint64_t hz : {1'000'000ULL, 100'000'000'000ULL}) {
    pulsed_segment_header h = complete(Side::kDaemon);
    h.ticks_per_second = hz;
    CHECK(why(Side::kDaemon, h).empty());
  }
}

TEST_CASE("a newer minor with a further region is accepted") {
  for (const Side side : {Side::kService, Side::kDaemon}) {
    pulsed_segment_header h = complete(side);
    h.abi_minor = 9;
    h.features = ~std::uint64_t{0};
    h.regions[h.region_count++] = {h.segment_bytes, 10, 128, 0};
    h.segment_bytes += PULSED_PAGE;
    CHECK(why(side, h).empty());
  }
}

TEST_CASE("a region larger than needed is accepted where there is room") {
  pulsed_segment_header h = complete(Side::kService);
  h.regions[PULSED_S_CLASSES].count += 64;
  h.segment_bytes += PULSED_PAGE;
  CHECK(why(Side::kService, h).empty());
}

}  // namespace
}  // namespace pulsed::shm
