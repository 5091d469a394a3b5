#include "daemon/metrics/process_use.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <chrono>
#include <cstddef>
#include <vector>

#include "shared_memory/segment.h"

namespace pulsed::metrics {
namespace {

TEST_CASE("descriptors that are opened are counted and those that are closed are not") {
  const std::uint64_t before = process_use().open_descriptors;
  {
    std::vector<shm::Fd> more;
    for (int i = 0; i < 17; ++i) more.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK(process_use().open_descriptors == before + 17);
  }
  CHECK(process_use().open_descriptors == before);
}

TEST_CASE("the most descriptors are the limit in force") {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(process_use().most_descriptors == limit.rlim_cur);
}

TEST_CASE("memory that is touched is resident") {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  const std::uint64_t before = process_use().resident_bytes;
  const std::vector<char> touched(kBytes, 'x');
  CHECK(process_use().resident_bytes >= before + kBytes / 2);
  CHECK(touched[kBytes - 1] == 'x');
}

TEST_CASE("CPU time that is burned is used") {
  const auto before = process_use().cpu;
  volatile std::uint64_t sum = 0;
  for (std::uint64_t i = 0;
       i < 100'000 && process_use().cpu < before + std::chrono::milliseconds{20}; ++i) {
    for (std::uint64_t n = 0; n < 100'000; ++n) sum = sum + n;
  }
  CHECK(process_use().cpu >= before + std::chrono::milliseconds{20});
}

}  // namespace
}  // namespace pulsed::metrics
