#include "daemon/daemon.h"

#include <doctest/doctest.h>

#include "tests/support/temp_dir.h"

namespace pulsed {

using namespace std::chrono_literals;

TEST_CASE("before the loop has ticked a snapshot says whose it is, and that it is of no time") {
  const test::TempDir dir;
  config::Config config;
  config.run_dir = dir.path();
  policy::Policy policy;
  policy.enforcement = policy::Enforcement::kEnforce;
  Daemon daemon(config, policy, 7, act::Demoter{nullptr, nullptr}, "1.2.3");
  const auto before = daemon.fresh(0ms);
  CHECK(before->at == 0ns);
  CHECK(before->daemon.version == "1.2.3");
  CHECK(before->daemon.policy_revision == 7);
  CHECK(before->daemon.enforcement == policy::Enforcement::kEnforce);
  CHECK(before->daemon.started_at != std::chrono::system_clock::time_point{});
}

TEST_CASE("once the loop ticks a snapshot is of its time, and follows what is put in force") {
  const test::TempDir dir;
  config::Config config;
  config.run_dir = dir.path();
  Daemon daemon(config, {}, 7, act::Demoter{nullptr, nullptr}, "1.2.3");
  daemon.start();
  CHECK(daemon.fresh(20s)->at != 0ns);
  for (std::uint64_t revision = 8; revision < 28; ++revision) {
    daemon.put_in_force({}, revision);
    CHECK(daemon.fresh(20s)->daemon.policy_revision == revision);
  }
}

}  // namespace pulsed
