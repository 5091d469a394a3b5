#include "daemon/rpc/api_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/rpc/api_core.h"
#include "daemon/rpc/gatekeeper.h"
#include "daemon/rpc/grpc_server.h"
#include "daemon/rpc/library_logs.h"
#include "daemon/rpc/listeners.h"
#include "daemon/rpc/peer_table.h"
#include "daemon/run_directory/socket_file.h"

namespace pulsed::rpc {
namespace {

constexpr mode_t kOurs = 0700;
constexpr mode_t kPassable = 0711;
// What is under way when the daemon stops has so long.
constexpr std::chrono::milliseconds kGrace{1'000};

}  // namespace

struct ApiServer::State {
  State(Options the_options, Site the_site)
      : options(std::move(the_options)),
        site(std::move(the_site)),
        read_path(options.run_dir + "/api.sock"),
        admin_dir(options.run_dir + "/admin"),
        admin_path(admin_dir + "/api.sock"),
        core(options, site) {}

  [[nodiscard]] AccessRule rule(Access access) const {
    return {access, peers, options.api.admins, admin_path};
  }
  [[nodiscard]] bool may_change(uid_t uid) const {
    const auto& uids = options.api.admin_uids;
    return uid == 0 || uid == ::geteuid() || std::find(uids.begin(), uids.end(), uid) != uids.end();
  }
  [[nodiscard]] std::vector<Door> doors();
  [[nodiscard]] Door tcp_door();
  void start();
  void stop();

  const Options options;
  const Site site;
  const std::string read_path;
  const std::string admin_dir;
  const std::string admin_path;
  PeerTable peers;
  ApiCore core;
  std::atomic<std::uint64_t> connections_refused{0};
  std::optional<GrpcServer> reading;
  std::optional<GrpcServer> changing;
  std::optional<GrpcServer> certified;
  std::optional<Gatekeeper> gatekeeper;
  std::uint16_t tcp_port = 0;
  bool started = false;
};

std::vector<Door> ApiServer::State::doors() {
  std::vector<Door> doors;
  doors.push_back({.name = "api.sock",
                   .listener = listen_on_path(read_path, SOCK_STREAM),
                   .hand_over = [this](shm::Fd fd) { reading->serve(std::move(fd)); }});
  // Those the configuration names must get as far as to be asked who they are.
  make_directory(admin_dir, options.api.admin_uids.empty() ? kOurs : kPassable);
  doors.push_back({.name = "admin/api.sock",
                   .listener = listen_on_path(admin_path, SOCK_STREAM),
                   .admits = [this](uid_t uid) { return may_change(uid); },
                   .hand_over = [this](shm::Fd fd) { changing->serve(std::move(fd)); }});
  if (options.api.tcp) doors.push_back(tcp_door());
  return doors;
}

Door ApiServer::State::tcp_door() {
  GrpcServer* server = certified ? &*certified : &*reading;
  Door door{.name = "api.tcp",
            .listener = listen_on_tcp(*options.api.tcp),
            .greeting = certified ? Door::Greeting::kTls : Door::Greeting::kHttp2,
            .is_local = false,
            .hand_over = [server](shm::Fd fd) { server->serve(std::move(fd)); }};
  tcp_port = port_of(door.listener);
  return door;
}

void ApiServer::State::start() {
  started = true;
  redirect_library_logs(&site.warn);
  const GateLimits limits{options.connections, options.connections_per_uid, options.silence};
  reading.emplace(core, rule(Access::kRead), std::nullopt);
  changing.emplace(core, rule(Access::kChange), std::nullopt);
  if (options.api.tls) certified.emplace(core, rule(Access::kByCertificate), options.api.tls);
  gatekeeper.emplace(doors(), limits, peers, connections_refused, site.warn);
  core.desk.start();
  core.events.start();
  core.policies.start();
  gatekeeper->start();
}

// Also of what began to start, and failed.
void ApiServer::State::stop() {
  if (!std::exchange(started, false)) return;
  if (gatekeeper) gatekeeper->stop();
  ::unlink(read_path.c_str());
  ::unlink(admin_path.c_str());
  core.desk.stop();
  core.changes->close();
  core.events.close();
  core.policies.close();
  const auto deadline = GrpcServer::Clock::now() + kGrace;
  for (auto* server : {&reading, &changing, &certified}) {
    if (*server) (*server)->stop(deadline);
  }
  core.events.stop();
  core.policies.stop();
  gatekeeper.reset();
  redirect_library_logs(nullptr);
}

ApiServer::ApiServer(Options options, Site site)
    : state_(std::make_unique<State>(std::move(options), std::move(site))) {}

ApiServer::~ApiServer() { stop(); }

void ApiServer::start() { state_->start(); }

void ApiServer::stop() { state_->stop(); }

std::uint16_t ApiServer::tcp_port() const { return state_->tcp_port; }

std::uint64_t ApiServer::connections_refused() const {
  return state_->connections_refused.load(std::memory_order_relaxed);  // a statistic
}

std::vector<CallCount> ApiServer::calls() const { return state_->core.calls.counts(); }

}  // namespace pulsed::rpc
