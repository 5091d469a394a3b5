// pulsed: starts the daemon, reloads it on SIGHUP, and takes everything back on SIGTERM or SIGINT.
#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>

#include "daemon/act/demoter.h"
#include "daemon/attach/run_directory.h"
#include "daemon/config/check.h"
#include "daemon/config/command_line.h"
#include "daemon/config/settings.h"
#include "daemon/daemon.h"
#include "daemon/http/server.h"
#include "daemon/metrics/exposition.h"
#include "daemon/process.h"
#include "daemon/sd_notify.h"

namespace {

using namespace pulsed;

sigset_t handled_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, signal);
  return set;
}

void reload(Daemon& daemon, const config::Sources& sources, config::Settings& settings,
            std::uint64_t revision) {
  sd_notify("RELOADING=1");
  config::Outcome<config::Settings> next = config::reload(sources, settings);
  for (const auto& warning : next.warnings) spdlog::warn("{}", text(warning));
  for (const auto& error : next.errors) spdlog::error("{}", text(error));
  if (!next) {
    daemon.note_reload_failure();
    spdlog::error("nothing was reloaded: the settings in force stay");
  } else {
    settings = std::move(*next.value);
    set_log_level(settings.config.log_level);
    daemon.reconfigure(settings.config);
    daemon.put_in_force(settings.policy, revision);
  }
  sd_notify("READY=1");
}

int serve(const config::Sources& sources, config::Settings settings) {
  const std::string run_dir = settings.config.run_dir.string();
  const shm::Fd held = attach::hold_run_directory(run_dir);
  // Before there are threads: the guardian is forked.
  Demotion demotion(run_dir);
  log_from_a_thread_of_its_own();
  set_log_level(settings.config.log_level);
  raise_descriptor_limit();
  demotion.say();
  std::uint64_t revision = 1;
  Daemon daemon(settings.config, settings.policy, revision, demotion.demoter(), PULSED_VERSION);
  std::optional<http::HttpServer> http;
  if (const auto& address = settings.config.http) {
    http.emplace(http::Options{.host = address->host, .port = address->port},
                 http::Site{daemon, metrics::render, [&daemon] { return daemon.ready(); }});
    http->start();
    spdlog::info("http://{}:{}/metrics", address->host, http->port());
  }
  daemon.start();
  spdlog::info("pulsed {} in {}: {}, profile {}", PULSED_VERSION, settings.config.run_dir.string(),
               policy::name(settings.policy.enforcement), policy::name(settings.policy.profile));
  sd_notify("READY=1");
  const sigset_t signals = handled_signals();
  int signal = 0;
  while (::sigwait(&signals, &signal) == 0 && signal == SIGHUP)
    reload(daemon, sources, settings, ++revision);
  sd_notify("STOPPING=1");
  spdlog::info("stopping: every directive is taken back");
  daemon.stop();
  if (http) http->stop();
  spdlog::shutdown();
  return config::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  // Before there are threads, so that all of them leave these signals to sigwait above.
  const sigset_t signals = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // the end of whoever reads the log is not ours
  try {
    config::Invocation invocation = config::parse_command_line(
        {argv + 1, argv + argc}, PULSED_VERSION, config::surroundings_of_process());
    std::cout << invocation.out;
    std::cerr << invocation.err;
    switch (invocation.action) {
      case config::Action::kExit:
      case config::Action::kPrintPolicy:
        return invocation.exit_code;
      case config::Action::kCheck: {
        const std::vector<config::Check> checks = config::run_checks(invocation);
        std::cout << config::check_table(checks, ::isatty(STDOUT_FILENO) == 1);
        return config::check_exit_code(checks);
      }
      case config::Action::kRun:
        return serve(invocation.sources, std::move(invocation.settings));
    }
  } catch (const std::exception& e) {
    spdlog::shutdown();  // what was logged comes before why we end
    std::cerr << "pulsed: " << e.what() << '\n';
  }
  return config::kExitFailed;
}
