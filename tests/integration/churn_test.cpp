// Services that come and go for ever cost the daemon nothing that lasts.
#include <doctest/doctest.h>

#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {

TEST_CASE("Thousands of attachments leave the daemon's memory and descriptors as they were") {
  DaemonProcess daemon;
  ServiceProgram shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const auto settled = [&](int attachments) {
    return wait_until([&] {
      const Metrics now = daemon.metrics();
      return now.sum("pulsed_attaches_total") == attachments &&
             now.sum("pulsed_detaches_total") == attachments - 1;
    });
  };
  const int warm = 100;
  REQUIRE(shop.churn(warm) == warm);
  REQUIRE(settled(1 + warm));
  const std::size_t descriptors = daemon.process().open_descriptors();
  const std::size_t resident = daemon.process().resident_bytes();

  const int times = trials(500, 10'000);
  REQUIRE(shop.churn(times) == times);
  REQUIRE(settled(1 + warm + times));
  CHECK(daemon.process().open_descriptors() <= descriptors + 1);
  // 100 bytes an attachment at the full count. What a sanitizer keeps of freed memory is another matter.
  const std::size_t slack = std::size_t{1} << (has_sanitizer() ? 28 : 20);
  CHECK(daemon.process().resident_bytes() <= resident + slack);
  const Metrics now = daemon.metrics();
  CHECK(now.sum("pulsed_polls_total", {{"class", "churn"}}) == 3.0 * (warm + times));
  CHECK(now.sum("pulsed_rejected_records_total") == 0);
}

}  // namespace pulsed::test
