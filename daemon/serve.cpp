#include "daemon/serve.h"

#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <optional>
#include <tuple>

#include "daemon/act/demoter.h"
#include "daemon/attach/run_directory.h"
#include "daemon/config/command_line.h"
#include "daemon/daemon.h"
#include "daemon/http/server.h"
#include "daemon/metrics/exposition.h"
#include "daemon/process.h"
#include "daemon/reload.h"
#include "daemon/revisions/revision_store.h"
#include "daemon/rpc/api_server.h"
#include "daemon/sd_notify.h"
#include "shared_memory/abi.h"

namespace pulsed {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, signal);
  return set;
}

rpc::Site api_site(Daemon& daemon, revisions::RevisionStore& store) {
  return {.snapshots = daemon,
          .details = daemon,
          .events = daemon.events(),
          .controls = daemon,
          .revisions = store,
          .ready = [&daemon] { return daemon.ready(); },
          .audit = [](const std::string& line) { spdlog::info("audit: {}", line); },
          .warn = [](const std::string& line) { spdlog::warn("api: {}", line); }};
}

}  // namespace

void block_handled_signals() {
  const sigset_t signals = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
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
  revisions::RevisionStore store(settings.config.state_dir, log_of_revisions);
  std::ignore = import_policy(store, settings);  // what cannot be stored is in force all the same
  const revisions::RevisionPtr first = store.current();
  Daemon daemon(settings.config, first->policy, first->number, demotion.demoter(), PULSED_VERSION);
  store.start([&](const auto& next) { daemon.put_in_force(next->policy, next->number); });
  std::optional<http::HttpServer> http;
  if (const auto& address = settings.config.http) {
    http.emplace(http::Options{.host = address->host, .port = address->port},
                 http::Site{daemon, metrics::render, [&daemon] { return daemon.ready(); }});
    http->start();
    spdlog::info("http://{}:{}/metrics", address->host, http->port());
  }
  rpc::ApiServer api({.run_dir = run_dir,
                      .state_dir = settings.config.state_dir.string(),
                      .api = settings.config.api,
                      .abi_major = PULSED_ABI_MAJOR},
                     api_site(daemon, store));
  api.start();
  if (api.tcp_port() != 0) {
    spdlog::info("gRPC on {}:{}", settings.config.api.tcp->host, api.tcp_port());
  }
  daemon
      .start();  // last: once services may come, a flood of them may leave no descriptor for the rest
  spdlog::info("pulsed {} in {}: {}, profile {}, policy revision {}", PULSED_VERSION, run_dir,
               policy::name(first->policy.enforcement), policy::name(first->policy.profile),
               first->number);
  sd_notify("READY=1");
  const sigset_t signals = handled_signals();
  int signal = 0;
  while (::sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    reload(sources, settings, store, daemon);
  }
  sd_notify("STOPPING=1");
  spdlog::info("stopping: every directive is taken back");
  api.stop();
  store.stop();
  daemon.stop();
  if (http) http->stop();
  spdlog::shutdown();
  return config::kExitOk;
}

}  // namespace pulsed
