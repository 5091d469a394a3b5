#include "tests/support/own_daemon.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace pulsed::test {
namespace {

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

OwnDaemon::OwnDaemon(std::string bin_dir, DaemonOptions options)
    : bin_dir_(std::move(bin_dir)), options_(std::move(options)), run_dir_(dir_.path() + "/run") {
  write_file(dir_.path() + "/pulsed.yaml", options_.config);
  write_policy(options_.policy);
  for (const char* name : {"/run", "/state"}) {
    const std::string path = dir_.path() + name;
    std::filesystem::create_directory(path);
    if (options_.user && ::chown(path.c_str(), *options_.user, *options_.user) != 0) {
      throw std::runtime_error("chown " + path);
    }
  }
  // For the daemon and the services of other users.
  std::filesystem::permissions(dir_.path(), std::filesystem::perms{0755});
  start();
}

OwnDaemon::~OwnDaemon() {
  if (!process_->was_killed()) stop();
}

std::optional<Ended> OwnDaemon::stop() {
  process_->signal(SIGCONT);
  process_->signal(SIGTERM);
  return process_->wait_end();
}

Command OwnDaemon::command(const std::string& http, const std::string& log) const {
  const std::string& dir = dir_.path();
  return {bin_dir_ + "/pulsed",
          {"--config", dir + "/pulsed.yaml", "--policy", policy_path(), "--run-dir", run_dir_,
           "--state-dir", state_dir(), "--http", http},
          options_.environment,
          dir + "/" + log,
          options_.user,
          options_.descriptors,
          options_.own_group};
}

void OwnDaemon::start() {
  process_ = std::make_unique<Process>(
      command("127.0.0.1:0", "pulsed-" + std::to_string(++starts_) + ".log"));
  const bool is_ready = wait_until([this] {
    if (!find_port()) return false;
    const auto reply = get("/-/ready");
    return reply && reply->status == 200;
  });
  if (!is_ready) throw std::runtime_error("pulsed did not become ready:\n" + log());
}

bool OwnDaemon::find_port() {
  const std::string text = log();
  const std::string before = "http://127.0.0.1:";
  const std::size_t at = text.find(before);
  if (at == std::string::npos) return false;
  port_ = static_cast<std::uint16_t>(std::atoi(text.c_str() + at + before.size()));
  return port_ != 0;
}

std::unique_ptr<Process> OwnDaemon::start_second() const {
  return std::make_unique<Process>(command("off", "second.log"));
}

void OwnDaemon::write_policy(const std::string& text) const { write_file(policy_path(), text); }

std::optional<HttpReply> OwnDaemon::get(const std::string& target) const {
  return http_get(port_, target);
}

Metrics OwnDaemon::metrics() const {
  const auto reply = get("/metrics");
  if (!reply || reply->status != 200) throw std::runtime_error("no metrics came:\n" + log());
  return Metrics(reply->body);
}

}  // namespace pulsed::test
