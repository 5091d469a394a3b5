#include "daemon/serve.h"

#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "daemon/act/demoter.h"
#include "daemon/config/command_line.h"
#include "daemon/daemon.h"
#include "daemon/history/recorder.h"
#include "daemon/http/patient_once.h"
#include "daemon/http/server.h"
#include "daemon/metrics/exposition.h"
#include "daemon/policy/enforcement_text.h"
#include "daemon/process.h"
#include "daemon/reload.h"
#include "daemon/revisions/revision_store.h"
#include "daemon/rpc/api_server.h"
#include "daemon/run_directory/run_directory.h"
#include "daemon/sd_notify.h"
#include "daemon/version.h"
#include "dashboards/web/web_assets.h"
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
          .audit = record_of("audit"),
          .warn = [](const std::string& line) { spdlog::warn("api: {}", line); }};
}

// The store is older than the daemon that its thread calls, and outlives it.
class StoppedAtEnd {
 public:
  explicit StoppedAtEnd(revisions::RevisionStore& store) : store_(store) {}
  ~StoppedAtEnd() { store_.stop(); }
  StoppedAtEnd(const StoppedAtEnd&) = delete;
  StoppedAtEnd& operator=(const StoppedAtEnd&) = delete;

 private:
  revisions::RevisionStore& store_;
};

// What is served over HTTP, and the history of it.
class Page {
 public:
  Page(const config::HttpAddress& at, Daemon& daemon, http::Render render)
      : host_(at.host),
        recorder_({.snapshots = daemon,
                   .details = daemon,
                   .events = daemon.events(),
                   .ready = [&daemon] { return daemon.ready(); }},
                  history_, beat_),
        source_(daemon),
        server_({.host = at.host, .port = at.port}, {.source = source_,
                                                     .render = std::move(render),
                                                     .ready = [&daemon] { return daemon.ready(); },
                                                     .history = &history_,
                                                     .assets = http::served(web::assets())}) {}
  void serve() {
    server_.start();
    const std::string url = fmt::format("http://{}:{}", host_, server_.port());
    spdlog::info("the page is at {}/ and metrics are at {}/metrics", url, url);
  }
  // Once there is something to record.
  void record() { recorder_.start(); }
  [[nodiscard]] http::Counts counts() const { return server_.counts(); }
  void stop() {
    recorder_.stop();
    server_.stop();
  }

 private:
  const std::string host_;
  history::History history_;
  history::SteadyBeat beat_;
  history::Recorder recorder_;
  http::PatientOnce source_;
  http::HttpServer server_;
};

// What other threads count; any thread may ask.
struct OffLoopCounts {
  const std::optional<Page>& page;
  const rpc::ApiServer& api;
  const revisions::RevisionStore& store;

  [[nodiscard]] metrics::OffLoop read() const {
    const http::Counts of_http = page->counts();
    metrics::OffLoop counts{.process = metrics::process_use(),
                            .http_connections_refused = of_http.connections_refused,
                            .http_replies_refused = of_http.replies_refused,
                            .http_watchers_refused = of_http.watchers_refused,
                            .http_watchers = of_http.watchers,
                            .api_connections_refused = api.connections_refused(),
                            .revision_store_failures = store.store_failures(),
                            .revisions_durable = store.not_durable().empty(),
                            .log_lines_dropped = log_lines_dropped()};
    for (rpc::CallCount& c : api.calls()) {
      counts.api_calls.push_back({std::move(c.method), std::move(c.code), c.calls});
    }
    return counts;
  }
};

void start_page(std::optional<Page>& page, const config::Config& config, Daemon& daemon,
                const OffLoopCounts& counts) {
  if (!config.http) return;
  page.emplace(*config.http, daemon,
               [counts](const Snapshot& s) { return metrics::render(s, counts.read()); });
  page->serve();
}

rpc::Options api_options(const config::Config& config) {
  return {.run_dir = config.run_dir.string(),
          .state_dir = config.state_dir.string(),
          .api = config.api,
          .abi_major = PULSED_ABI_MAJOR};
}

void start_api(rpc::ApiServer& api, const config::Config& config) {
  api.start();
  if (api.tcp_port() != 0) spdlog::info("gRPC on {}:{}", config.api.tcp->host, api.tcp_port());
}

void say_started(const config::Config& config, const revisions::Revision& in_force) {
  spdlog::info("pulsed {} in {}: {}, profile {}, policy revision {}", version(),
               config.run_dir.string(), policy::enforcement_text(in_force.policy),
               policy::name(in_force.policy.profile), in_force.number);
}

template <typename Reload>
void reload_until_ended(const Reload& reload) {
  const sigset_t signals = handled_signals();
  int signal = 0;
  while (::sigwait(&signals, &signal) == 0 && signal == SIGHUP) reload();
}

}  // namespace

void block_handled_signals() {
  const sigset_t signals = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

int serve(const config::Sources& sources, config::Settings settings) {
  const std::string run_dir = settings.config.run_dir.string();
  const shm::Fd held = hold_run_directory(run_dir);
  // Before there are threads: the guardian is forked.
  Demotion demotion(run_dir);
  log_from_a_thread_of_its_own();
  set_log_level(settings.config.log_level);
  raise_descriptor_limit();
  demotion.say();
  revisions::RevisionStore store(settings.config.state_dir, log_of_revisions);
  std::ignore = import_policy(store, settings);  // what cannot be stored is in force all the same
  const revisions::RevisionPtr first = store.current();
  Daemon daemon(settings.config, first->policy, first->number, demotion.demoter(),
                std::string(version()));
  store.start([&](const auto& next) { daemon.put_in_force(next->policy, next->number); });
  // Whichever way this ends: what commits wait is done before the daemon is gone.
  const StoppedAtEnd stop_store(store);
  rpc::ApiServer api(api_options(settings.config), api_site(daemon, store));
  std::optional<Page> page;
  start_page(page, settings.config, daemon, {page, api, store});
  start_api(api, settings.config);
  // Last: a flood of services may leave no descriptor, and gRPC ends a process that has none for its start.
  daemon.start();
  if (page) page->record();
  say_started(settings.config, *first);
  sd_notify("READY=1");
  reload_until_ended([&] { reload(sources, settings, store, daemon); });
  sd_notify("STOPPING=1");
  spdlog::info("stopping: every directive is taken back");
  api.stop();
  store.stop();
  daemon.stop();
  if (page) page->stop();
  spdlog::shutdown();
  return config::kExitOk;
}

}  // namespace pulsed
