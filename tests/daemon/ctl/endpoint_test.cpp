#include "daemon/ctl/endpoint.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "daemon/ctl/failure.h"
#include "tests/support/temp_dir.h"

namespace pulsed::ctl {
namespace {

using namespace std::chrono_literals;

config::Surroundings surroundings(std::map<std::string, std::string> variables) {
  config::Surroundings s;
  s.uid = 1000;
  s.working_directory = "/home/alice";
  s.variable = [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto at = variables.find(name);
    if (at == variables.end()) return {};
    return at->second;
  };
  return s;
}

std::string refusal(const EndpointFlags& flags, std::map<std::string, std::string> variables = {}) {
  try {
    const Endpoint endpoint = find_endpoint(flags, surroundings(std::move(variables)));
    return "accepted: " + endpoint.address;
  } catch (const Failed& e) {
    CHECK(e.exit_code() == kExitUsage);
    return e.what();
  }
}

}  // namespace

TEST_CASE("a flag wins over the environment, which wins over the default") {
  CHECK(find_endpoint({.run_dir = "/a"}, surroundings({{"PULSED_RUN_DIR", "/b"}})).run_dir == "/a");
  CHECK(find_endpoint({}, surroundings({{"PULSED_RUN_DIR", "/b"}})).run_dir == "/b");
  const bool system = std::filesystem::exists("/run/pulsed");
  CHECK(find_endpoint({}, surroundings({{"XDG_RUNTIME_DIR", "/run/user/1000"}})).run_dir ==
        (system ? "/run/pulsed" : "/run/user/1000/pulsed"));
}

TEST_CASE("the sockets are pulsed's own, and a relative directory starts where we stand") {
  const Endpoint endpoint = find_endpoint({.run_dir = "p/../q"}, surroundings({}));
  CHECK(endpoint.read_socket() == "/home/alice/q/api.sock");
  CHECK(endpoint.change_socket() == "/home/alice/q/admin/api.sock");
  CHECK(endpoint.timeout == 5s);
}

TEST_CASE("a run directory that is named wins over an address of the environment") {
  const auto s = surroundings({{"PULSED_ADDRESS", "127.0.0.1:1"}});
  CHECK(find_endpoint({}, s).address == "127.0.0.1:1");
  CHECK(find_endpoint({.run_dir = "/a"}, s).local());
}

TEST_CASE("only what goes to this machine may be plain") {
  for (const char* address : {"127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1"}) {
    CHECK(refusal({.address = address}) == std::string("accepted: ") + address);
  }
  for (const char* address : {"10.0.0.1:1", "example.org:1", "[2001:db8::1]:1", "0.0.0.0:1"}) {
    CHECK(refusal({.address = address}).find("is another machine") != std::string::npos);
  }
  CHECK_FALSE(is_loopback("127.0.0.1.example.org"));
}

TEST_CASE("what is no address is told") {
  for (const char* address : {"localhost", ":1", "a:", "a:0", "a:65536", "a:1x", "::1:5", "[]:1"}) {
    INFO(address);
    CHECK(refusal({.address = address}).find("is not host:port") != std::string::npos);
  }
}

TEST_CASE("TLS needs its three files") {
  const test::TempDir dir;
  const std::string file = dir.path() + "/pem";
  std::ofstream(file) << "a key";
  const Endpoint endpoint =
      find_endpoint({.address = "10.0.0.1:1", .tls_ca = file, .tls_cert = file},
                    surroundings({{"PULSED_TLS_KEY", file}}));
  CHECK(endpoint.encrypted);
  CHECK(endpoint.tls.key == "a key");
  CHECK(refusal({.address = "10.0.0.1:1", .tls_ca = file}) ==
        "TLS needs all of --tls-ca, --tls-cert and --tls-key; missing: --tls-cert, --tls-key");
  CHECK(refusal({.run_dir = "/a", .tls_ca = file}).find("only with --address") !=
        std::string::npos);
}

TEST_CASE("a timeout is a duration between 1ms and 1h") {
  CHECK(find_endpoint({.timeout = "1500ms"}, surroundings({})).timeout == 1500ms);
  for (const char* timeout : {"5", "", "0s", "2h", "-1s"}) {
    CHECK(refusal({.timeout = timeout}).starts_with("--timeout: "));
  }
}

}  // namespace pulsed::ctl
