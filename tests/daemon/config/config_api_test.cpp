// The part of pulsed.yaml that says who may use the API, and over what.
#include <doctest/doctest.h>

#include <string>

#include "daemon/config/config_yaml.h"

namespace pulsed::config {
namespace {

constexpr const char* kTls = "tls: {certificate: /t/crt, key: /t/key, client_ca: /t/ca}";

std::string faults(const std::string& yaml) {
  const auto outcome = read_config(yaml, "c", Config{});
  std::string out;
  for (const ConfigError& error : outcome.errors) out += text(error) + "\n";
  return out;
}

Api good(const std::string& yaml) {
  const auto outcome = read_config(yaml, "c", Config{});
  for (const ConfigError& error : outcome.errors) FAIL_CHECK(text(error));
  REQUIRE(outcome.value);
  return outcome.value->config.api;
}

TEST_CASE("every setting of the API is read") {
  const Api api = good("api: {admin_uids: [7, 8], tcp: \"0.0.0.0:1\", admins: [alice, bob], " +
                       std::string(kTls) + "}");
  CHECK(api.admin_uids == std::vector<std::uint32_t>{7, 8});
  CHECK(api.tcp == HttpAddress{"0.0.0.0", 1});
  CHECK(api.tls == Api::Tls{"/t/crt", "/t/key", "/t/ca"});
  CHECK(api.admins == std::vector<std::string>{"alice", "bob"});
}

TEST_CASE("without a word the API is on unix sockets alone, and for root and ourselves to change") {
  const Api api = good("log_level: info\n");
  CHECK(api == Api{});
  CHECK_FALSE(api.tcp);
  CHECK(good("api: {tcp: off}\n") == Api{});
}

TEST_CASE("without tls TCP is for this machine alone") {
  for (const char* here : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "127.0.0.1:0"}) {
    CAPTURE(here);
    CHECK(faults("api: {tcp: \"" + std::string(here) + "\"}").empty());
  }
  for (const char* open : {"0.0.0.0:1", "128.0.0.1:1", "[::]:1", "[::ffff:127.0.0.1]:1"}) {
    CAPTURE(open);
    const std::string address = "tcp: \"" + std::string(open) + "\"";
    CHECK(faults("api: {" + address + "}").find("so it needs `tls`") != std::string::npos);
    CHECK(faults("api: {" + address + ", " + kTls + "}").empty());
  }
}

TEST_CASE("what is wrong with the API's settings names its place") {
  CHECK(faults("api: {tcp: \"localhost:1\"}") ==
        "c:1:12: `tcp`: `localhost:1` has no numeric address; write for example "
        "`127.0.0.1:10858`, or `off`\n");
  CHECK(faults("api: {tcp: \"127.0.0.1:1\", tls: {certificate: /a, key: /b}}") ==
        "c:1:32: `tls` needs `client_ca`\n");
  CHECK(faults("api: {" + std::string(kTls) + "}") ==
        "c:1:12: `tls` has no effect without `tcp`\n");
  CHECK(faults("api: {admins: [alice]}") ==
        "c:1:15: `admins` are names of certificates: they need `tls`\n");
  CHECK(faults("api: {tcp: \"127.0.0.1:1\", tls: {certificate: a, key: /b, client_ca: /c}}") ==
        "c:1:46: `certificate`: `a` is not an absolute path\n");
  CHECK(faults("api: {admin_uid: [1]}") ==
        "c:1:7: unknown key `admin_uid` in `api`; did you mean `admin_uids`?\n");
  CHECK(faults("api: {admins: [" + std::string(65, 'x') + "]}").find("`admins`") !=
        std::string::npos);
}

TEST_CASE("a change of the API's settings needs a restart") {
  Config from;
  Config to;
  to.api.admin_uids = {1};
  CHECK(need_restart(from, to) == std::vector<std::string_view>{"api"});
  CHECK(without_restart(from, to).api == from.api);
  from.loop.priority = LoopPriority::kNormal;
  from.series.label_values = 1;
  CHECK(need_restart(from, Config{}) == std::vector<std::string_view>{"loop.priority", "series"});
}

}  // namespace
}  // namespace pulsed::config
