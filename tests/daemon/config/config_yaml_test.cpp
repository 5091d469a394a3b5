#include "daemon/config/config_yaml.h"

#include <doctest/doctest.h>

#include <string>

#include "daemon/config/file_text.h"

namespace pulsed::config {
namespace {

using namespace std::chrono_literals;

std::string faults(const std::string& yaml) {
  const auto outcome = read_config(yaml, "c", Config{});
  std::string out;
  for (const ConfigError& error : outcome.errors) out += text(error) + "\n";
  return out;
}

Config good(const std::string& yaml) {
  const auto outcome = read_config(yaml, "c", Config{});
  for (const ConfigError& error : outcome.errors) FAIL_CHECK(text(error));
  REQUIRE(outcome.value);
  return outcome.value->config;
}

TEST_CASE("the example configuration is the defaults of root") {
  const auto file = read_file(PULSED_SOURCE_DIR "/deploy/examples/pulsed.yaml");
  REQUIRE(file.text);
  Config defaults;
  defaults.run_dir = "/run/pulsed";
  defaults.state_dir = "/var/lib/pulsed";
  defaults.policy = "/etc/pulsed/policy.yaml";
  CHECK(good(*file.text) == defaults);
}

TEST_CASE("every setting is read") {
  const Config c = good(R"(
run_dir: /tmp/run/
state_dir: /tmp//state
http: "[::1]:80"
policy: /tmp/p.yaml
log_level: debug
limits: {services: 2, services_per_uid: 3, workers: 4, ring_samples: 128, tasks: 6, classes: 7,
         segment_bytes_per_uid: 8MiB}
attach: {allow_uids: [0, 1000]}
loop: {tick: 2ms, rest_tick: 20ms, near_budget_tick: 50us, priority: normal}
lease: 2s
series: {label_values: 9, classes_per_service: 10, classes: 12, keep_departed: 11s}
)");
  CHECK(c.run_dir == "/tmp/run");
  CHECK(c.state_dir == "/tmp/state");
  CHECK(c.http == HttpAddress{"::1", 80});
  CHECK(c.policy == "/tmp/p.yaml");
  CHECK(c.log_level == LogLevel::kDebug);
  CHECK(c.limits == Limits{2, 3, 4, 128, 6, 7, 8U << 20});
  CHECK(c.attach.allow_uids == std::vector<std::uint32_t>{0, 1000});
  CHECK(c.loop == Loop{2ms, 20ms, 50us, LoopPriority::kNormal});
  CHECK(c.lease == 2s);
  CHECK(c.series == Series{9, 10, 12, 11s});
  CHECK(good("http: off\n").http == std::nullopt);
}

TEST_CASE("what the file leaves out stays as it was") {
  Config base;
  base.run_dir = "/base";
  base.lease = 5s;
  const auto outcome = read_config("log_level: warn\n", "c", base);
  REQUIRE(outcome);
  CHECK_FALSE(outcome.value->named_policy);
  base.log_level = LogLevel::kWarn;
  CHECK(outcome.value->config == base);
}

TEST_CASE("a wrong setting names its place") {
  CHECK(faults("lmits: {}\n") ==
        "c:1:1: unknown key `lmits` in the configuration; did you mean `limits`?\n");
  CHECK(faults("limits:\n  worker: 1\n") ==
        "c:2:3: unknown key `worker` in `limits`; did you mean `workers`?\n");
  CHECK(faults("run_dir: run\n") == "c:1:10: `run_dir`: `run` is not an absolute path\n");
  CHECK(faults("run_dir: /a/../b\n") == "c:1:10: `run_dir`: `/a/../b` goes up with `..`\n");
  CHECK(faults("log_level: verbose\n") ==
        "c:1:12: `log_level`: `verbose` is not debug, info, warn or error\n");
  CHECK(faults("http: localhost:80\n") ==
        "c:1:7: `http`: `localhost:80` has no numeric address; write for example "
        "`127.0.0.1:10857`, or `off`\n");
  CHECK(faults("limits: {ring_samples: 1000}\n") ==
        "c:1:24: `ring_samples`: `1000` is not a power of two; write 512 or 1024\n");
  CHECK(faults("limits: {segment_bytes_per_uid: 64}\n") ==
        "c:1:33: `segment_bytes_per_uid`: `64` has no unit; write for example `64KiB`\n");
  CHECK(faults("attach: {allow_uids: [1, x]}\n") ==
        "c:1:26: `allow_uids`: `x` is not a whole number in decimal digits\n");
  CHECK(faults("attach: {allow_uids: 1}\n") ==
        "c:1:22: `allow_uids`: expected a list, found a single value\n");
}

TEST_CASE("ranges hold at both ends") {
  for (const char* yaml : {"limits: {workers: 1}",
                           "limits: {workers: 4096}",
                           "limits: {ring_samples: 64}",
                           "limits: {ring_samples: 1048576}",
                           "limits: {tasks: 2}",
                           "limits: {tasks: 16777216}",
                           "limits: {classes: 1}",
                           "limits: {classes: 4096}",
                           "limits: {services: 65536}",
                           "limits: {segment_bytes_per_uid: 1MiB}",
                           "limits: {segment_bytes_per_uid: 16TiB}",
                           "attach: {allow_uids: [4294967294]}",
                           "lease: 60s",
                           "series: {label_values: 1}",
                           "series: {keep_departed: 1s}",
                           "series: {keep_departed: 24h}",
                           "series: {classes: 1}",
                           "series: {classes: 100000}",
                           "loop: {near_budget_tick: 20us}",
                           "loop: {tick: 100us}"}) {
    CAPTURE(yaml);
    CHECK(faults(yaml).empty());
  }
  for (const char* yaml : {"limits: {workers: 0}",
                           "limits: {workers: 4097}",
                           "limits: {ring_samples: 32}",
                           "limits: {ring_samples: 2097152}",
                           "limits: {tasks: 1}",
                           "limits: {tasks: 16777217}",
                           "limits: {classes: 0}",
                           "limits: {classes: 4097}",
                           "limits: {services: 65537}",
                           "limits: {segment_bytes_per_uid: 1023KiB}",
                           "limits: {segment_bytes_per_uid: 17TiB}",
                           "attach: {allow_uids: [4294967295]}",
                           "lease: 61s",
                           "series: {label_values: 0}",
                           "series: {keep_departed: 999ms}",
                           "series: {keep_departed: 86401s}",
                           "series: {classes: 0}",
                           "series: {classes: 100001}",
                           "loop: {near_budget_tick: 19us}",
                           "loop: {tick: 99us}"}) {
    CAPTURE(yaml);
    CHECK(faults(yaml).find("out of range") != std::string::npos);
  }
}

TEST_CASE("ticks and lease must fit each other") {
  CHECK(faults("loop: {tick: 10ms}\n").empty());
  CHECK(faults("loop:\n  tick: 11ms\n") == "c:2:9: `rest_tick` 10ms is below `tick` 11ms\n");
  CHECK(faults("loop: {near_budget_tick: 1ms}\n").empty());
  CHECK(faults("loop: {near_budget_tick: 1001us}\n") ==
        "c:1:26: `near_budget_tick` 1001us is above `tick` 1ms\n");
  CHECK(faults("lease: 300ms\nloop: {rest_tick: 100ms}\n").empty());
  CHECK(faults("lease: 299ms\nloop: {rest_tick: 100ms}\n") ==
        "c:2:7: `lease` 299ms is shorter than three times `rest_tick` 100ms\n");
}

TEST_CASE("a run directory leaves room for its sockets") {
  const std::string longest = "/" + std::string(kLongestRunDir - 1, 'x');
  CHECK(good("run_dir: " + longest + "\n").run_dir == longest);
  CHECK(faults("run_dir: " + longest + "x\n").ends_with("is longer than 92 bytes\n"));
}

TEST_CASE("an address prints as it is written") {
  for (const char* address : {"127.0.0.1:0", "0.0.0.0:65535", "[::1]:10857", "off"}) {
    CAPTURE(address);
    const auto http = read_http(address);
    REQUIRE(http);
    CHECK(http_text(*http.value) == address);
  }
  for (const char* address :
       {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", ":80", "::1", "::1:80",
        "[127.0.0.1]:80", "256.0.0.1:80", "off:80", "OFF"}) {
    CAPTURE(address);
    CHECK_FALSE(read_http(address));
  }
}

}  // namespace
}  // namespace pulsed::config
