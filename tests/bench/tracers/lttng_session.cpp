#include "tests/bench/tracers/lttng_session.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <utility>

namespace pulsed::bench {
namespace {

constexpr int kNotFound = 127;  // what env says of a program that is not there
constexpr char kSubBuffers[] = "4";
constexpr char kSubBufferBytes[] = "512K";

}  // namespace

LttngSession::LttngSession(const std::string& events)
    : name_("pulsed-bench-" + std::to_string(::getpid())) {
  ::setenv("LTTNG_HOME", home_.path().c_str(), 1);
  find_daemon();
  try {
    start(events);
  } catch (...) {
    stop();
    throw;
  }
}

LttngSession::~LttngSession() { stop(); }

test::Command LttngSession::command(const std::string& program,
                                    std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), program);
  return {.program = "/usr/bin/env",
          .arguments = std::move(arguments),
          .output = home_.path() + "/log"};
}

test::Ended LttngSession::lttng(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "--no-sessiond");
  test::Process client(command("lttng", std::move(arguments)));
  const std::optional<test::Ended> ended = client.wait_end();
  if (!ended) throw std::runtime_error("lttng did not end in time");
  return *ended;
}

void LttngSession::must(const std::vector<std::string>& arguments) const {
  if (lttng(arguments) != test::Ended{}) throw std::runtime_error(last_line());
}

void LttngSession::find_daemon() {
  const auto found = [this] { return lttng({"list"}) == test::Ended{}; };
  if (lttng({"--version"}) == test::Ended{.code = kNotFound}) {
    throw std::runtime_error("lttng-tools: not installed");
  }
  if (found()) return;
  daemon_ = std::make_unique<test::Process>(command("lttng-sessiond", {"--no-kernel"}));
  const auto over = [this] { return daemon_->wait_end(test::milliseconds{0}).has_value(); };
  if (!test::wait_until([&] { return found() || over(); }) || over()) {
    throw std::runtime_error("no session daemon: " + last_line());
  }
}

void LttngSession::start(const std::string& events) const {
  const std::string session = "--session=" + name_;
  must({"create", name_, "--snapshot", "--output=" + home_.path() + "/snapshots"});
  must({"enable-channel", "--userspace", session, std::string("--num-subbuf=") + kSubBuffers,
        std::string("--subbuf-size=") + kSubBufferBytes, "polls"});
  must({"enable-event", "--userspace", session, "--channel=polls", events});
  must({"start", name_});
}

std::uintmax_t LttngSession::recorded_bytes() {
  must({"snapshot", "record", "--session=" + name_});
  std::uintmax_t bytes = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(home_.path() + "/snapshots")) {
    // Those of the channel; the others describe it.
    if (entry.is_regular_file() && entry.path().filename().string().starts_with("polls_")) {
      bytes += entry.file_size();
    }
  }
  return bytes;
}

void LttngSession::stop() const {
  (void)lttng({"destroy", name_});
  if (daemon_ == nullptr) return;
  daemon_->signal(SIGTERM);
  (void)daemon_->wait_end();
}

std::string LttngSession::last_line() const {
  std::ifstream log(home_.path() + "/log");
  std::string last;
  for (std::string line; std::getline(log, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace pulsed::bench
