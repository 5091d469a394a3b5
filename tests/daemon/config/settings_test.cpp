#include "daemon/config/settings.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "daemon/config/file_text.h"

namespace pulsed::config {
namespace {

namespace fs = std::filesystem;

// A directory of its own, gone with the test.
class World {
 public:
  World() {
    std::string name = (fs::temp_directory_path() / "pulsed-settings-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    directory = name;
    fs::create_directory(directory / "etc");
  }
  ~World() { fs::remove_all(directory); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(directory / name) << text;
    return directory / name;
  }

  Sources sources() const {
    Surroundings s;
    s.uid = uid;
    s.etc = directory / "etc";
    s.working_directory = directory;
    s.variable = [this](const char* name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return {};
      return found->second;
    };
    return sources_of(s, flags);
  }

  Flags flags;
  std::map<std::string, std::string> variables;
  uid_t uid = 0;
  fs::path directory;

  std::optional<std::string>& flag(Setting s) { return flags[static_cast<std::size_t>(s)]; }
};

Settings good(const Outcome<Settings>& outcome) {
  for (const ConfigError& error : outcome.errors) FAIL_CHECK(text(error));
  REQUIRE(outcome.value);
  return *outcome.value;
}

std::string lines(const std::vector<ConfigError>& errors) {
  std::string out;
  for (const ConfigError& error : errors) out += text(error) + "\n";
  return out;
}

TEST_CASE("without any file, root gets the system's directories") {
  const World world;
  const Settings s = good(load(world.sources()));
  CHECK(s.config.run_dir == "/run/pulsed");
  CHECK(s.config.state_dir == "/var/lib/pulsed");
  CHECK(s.config.policy == world.directory / "etc/policy.yaml");
  CHECK_FALSE(s.config_file);
  CHECK_FALSE(s.policy_file);
  CHECK(s.policy == policy::Policy{});
}

TEST_CASE("another user gets directories of their own") {
  World world;
  world.uid = 1234;
  CHECK(good(load(world.sources())).config.run_dir == "/tmp/pulsed-1234");
  CHECK(good(load(world.sources())).config.state_dir == "/tmp/pulsed-1234/state");
  world.variables["HOME"] = "/home/a";
  CHECK(good(load(world.sources())).config.state_dir == "/home/a/.local/state/pulsed");
  world.variables["XDG_STATE_HOME"] = "/home/a/state";
  world.variables["XDG_RUNTIME_DIR"] = "/run/user/1234";
  CHECK(good(load(world.sources())).config.state_dir == "/home/a/state/pulsed");
  CHECK(good(load(world.sources())).config.run_dir == "/run/user/1234/pulsed");
  world.variables["XDG_RUNTIME_DIR"] = "relative";
  CHECK(good(load(world.sources())).config.run_dir == "/tmp/pulsed-1234");
}

TEST_CASE("flags win over the environment, that over the file, that over defaults") {
  World world;
  CHECK(good(load(world.sources())).config.http == HttpAddress{});
  world.write("etc/pulsed.yaml",
              "http: 127.0.0.1:1\nrun_dir: /file\nstate_dir: /file\nlog_level: debug\n");
  CHECK(good(load(world.sources())).config.http->port == 1);
  world.variables = {{"PULSED_HTTP", "127.0.0.1:2"},
                     {"PULSED_RUN_DIR", "/environment"},
                     {"PULSED_STATE_DIR", ""},
                     {"PULSED_LOG_LEVEL", "warn"}};
  CHECK(good(load(world.sources())).config.http->port == 2);
  world.flag(Setting::kHttp) = "127.0.0.1:3";
  world.flag(Setting::kLogLevel) = "error";
  const Settings s = good(load(world.sources()));
  CHECK(s.config.http->port == 3);
  CHECK(s.config.run_dir == "/environment");
  CHECK(s.config.state_dir == "/file");
  CHECK(s.config.log_level == LogLevel::kError);
}

TEST_CASE("the policy's place follows the same order") {
  World world;
  world.write("etc/policy.yaml", "enforcement: observe\n");
  CHECK(good(load(world.sources())).policy.enforcement == policy::Enforcement::kObserve);
  const auto named = world.write("named.yaml", "enforcement: enforce\n");
  world.write("etc/pulsed.yaml", "policy: " + named.string() + "\n");
  CHECK(good(load(world.sources())).policy.enforcement == policy::Enforcement::kEnforce);
  world.write("flag.yaml", "enforcement: shadow\n");
  world.flag(Setting::kPolicy) = "./flag.yaml";
  const Settings s = good(load(world.sources()));
  CHECK(s.policy.enforcement == policy::Enforcement::kShadow);
  CHECK(s.policy_file == world.directory / "flag.yaml");
  CHECK(s.config.policy == world.directory / "flag.yaml");
}

TEST_CASE("a file that something names must exist") {
  World world;
  const std::string dir = world.directory.string();
  world.flag(Setting::kConfig) = "no.yaml";
  world.variables["PULSED_POLICY"] = "/no/policy.yaml";
  CHECK(lines(load(world.sources()).errors) ==
        dir + "/no.yaml: no such file (named by --config)\n" +
            "/no/policy.yaml: no such file (named by PULSED_POLICY)\n");
  world.flag(Setting::kConfig) = world.write("a.yaml", "policy: /no/other.yaml\n").string();
  world.variables.clear();
  CHECK(lines(load(world.sources()).errors) ==
        "/no/other.yaml: no such file (named by " + dir + "/a.yaml)\n");
}

TEST_CASE("what is no readable file is refused, at its default place too") {
  World world;
  const std::string dir = world.directory.string();
  world.flag(Setting::kConfig) = ".";
  CHECK(lines(load(world.sources()).errors) == dir + ": is a directory (named by --config)\n");
  world.flag(Setting::kConfig).reset();
  REQUIRE(mkfifo((dir + "/etc/policy.yaml").c_str(), 0600) == 0);
  CHECK(lines(load(world.sources()).errors) == dir + "/etc/policy.yaml: is not a regular file\n");
}

TEST_CASE("a wrong flag or variable is named, together with what the files have wrong") {
  World world;
  const std::string dir = world.directory.string();
  world.write("etc/pulsed.yaml", "lease: 1\n");
  world.write("etc/policy.yaml", "profile: x\n");
  world.flag(Setting::kLogLevel) = "warning";
  world.flag(Setting::kRunDir) = "";
  world.variables["PULSED_HTTP"] = "80";
  CHECK(lines(load(world.sources()).errors) ==
        dir + "/etc/pulsed.yaml:1:8: `lease`: `1` has no unit; write for example `1ms`\n" +
            "--run-dir: is empty; give a path\n"
            "PULSED_HTTP: `80` has no port; write for example `127.0.0.1:10857`, or `off`\n"
            "--log-level: `warning` is not debug, info, warn or error\n" +
            dir +
            "/etc/policy.yaml:1:10: `profile`: `x` is not balanced, aggressive or "
            "permissive\n");
  CHECK(config_without_files(world.sources()).run_dir == "/run/pulsed");
}

TEST_CASE("a reload takes both files, or nothing") {
  World world;
  world.write("etc/pulsed.yaml", "log_level: debug\n");
  world.write("etc/policy.yaml", "enforcement: observe\n");
  const Sources sources = world.sources();
  const Settings first = good(load(sources));

  world.write("etc/pulsed.yaml", "log_level: warn\n");
  world.write("etc/policy.yaml", "enforcement: enforced\n");
  const auto refused = reload(sources, first);
  CHECK_FALSE(refused);
  CHECK(refused.errors.size() == 1);

  world.write("etc/policy.yaml", "enforcement: enforce\n");
  const Settings second = good(reload(sources, first));
  CHECK(second.config.log_level == LogLevel::kWarn);
  CHECK(second.policy.enforcement == policy::Enforcement::kEnforce);

  world.write("etc/pulsed.yaml", "log_level: warn!\n");
  world.write("etc/policy.yaml", "enforcement: shadow\n");
  CHECK_FALSE(reload(sources, second));
}

TEST_CASE("a reload keeps what only a start can change, and says so") {
  World world;
  world.write("etc/pulsed.yaml", "log_level: debug\n");
  const Sources sources = world.sources();
  const Settings first = good(load(sources));
  world.write("etc/pulsed.yaml",
              "http: off\nrun_dir: /x\nlease: 2s\nloop: {priority: normal, tick: 2ms}\n"
              "limits: {services: 3}\n");
  const auto outcome = reload(sources, first);
  const Settings second = good(outcome);
  const std::string file = (world.directory / "etc/pulsed.yaml").string();
  std::string expected;
  for (const char* name : {"run_dir", "http", "loop.priority", "lease"}) {
    expected += file + ": `" + name + "` changed; that needs a restart\n";
  }
  CHECK(lines(outcome.warnings) == expected);
  CHECK(second.config.http == HttpAddress{});
  CHECK(second.config.run_dir == "/run/pulsed");
  CHECK(second.config.loop.priority == LoopPriority::kHigh);
  CHECK(second.config.loop.tick == std::chrono::milliseconds{2});
  CHECK(second.config.limits.services == 3);
  CHECK(second.config.log_level == LogLevel::kInfo);
}

TEST_CASE("a file that was read must not vanish before a reload, a new one may come") {
  World world;
  const Sources sources = world.sources();
  const Settings none = good(load(sources));
  const auto file = world.write("etc/policy.yaml", "enforcement: enforce\n");
  const Settings some = good(reload(sources, none));
  CHECK(some.policy.enforcement == policy::Enforcement::kEnforce);
  fs::remove(file);
  CHECK(lines(reload(sources, some).errors) ==
        file.string() +
            ": was read before and is gone; put it back, or start anew to run without it\n");
}

}  // namespace
}  // namespace pulsed::config
