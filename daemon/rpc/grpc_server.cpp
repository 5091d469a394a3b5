#include "daemon/rpc/grpc_server.h"

#include <grpc/compression.h>
#include <grpc/grpc_security_constants.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_posix.h>
#include <unistd.h>

#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "daemon/rpc/control_service.h"
#include "daemon/rpc/monitor_service.h"
#include "daemon/rpc/policy_service.h"
#include "daemon/rpc/tls_files.h"

namespace pulsed::rpc {
namespace {

using grpc::experimental::ExternalConnectionAcceptor;

constexpr int kMostRequestBytes = 1 << 20;
constexpr int kMostStreams = 100;  // of a connection
// Of messages and buffers of one server's connections; over it gRPC lets nothing more in.
constexpr std::size_t kMostMemory = std::size_t{64} << 20;
// Reflection is the one service that holds a thread for as long as a stream of it lives.
constexpr int kMostThreads = 16;
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
// A client that asks whether we live more often than this is cut off.
constexpr int kLeastPingMs = 10'000;

std::shared_ptr<grpc::ServerCredentials> credentials(const config::Api::Tls& tls) {
  TlsFiles files = read_tls_files(tls);
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = std::move(files.client_ca);
  options.pem_key_cert_pairs.push_back({std::move(files.key), std::move(files.certificate)});
  return grpc::SslServerCredentials(options);
}

// The plugins are process-wide, for servers built after this.
void enable_plugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

void set_limits(grpc::ServerBuilder& builder, const Options& options) {
  builder.SetMaxReceiveMessageSize(kMostRequestBytes);
  builder.SetResourceQuota(
      grpc::ResourceQuota("pulsed-api").Resize(kMostMemory).SetMaxThreads(kMostThreads));
  // gRPC bounds a message once it is unpacked: some KiB that unpack to hundreds of MiB would be held as a whole.
  builder.AddChannelArgument(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
                             1 << GRPC_COMPRESS_NONE);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostStreams);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                             static_cast<int>(options.idle.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kLeastPingMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             static_cast<int>(options.silence.count()));
}

}  // namespace

struct GrpcServer::State {
  State(ApiCore& core, AccessRule rule)
      : policy(core, rule), monitor(core, rule), control(core, rule) {}

  PolicyService policy;
  MonitorService monitor;
  ControlService control;
  std::unique_ptr<ExternalConnectionAcceptor> acceptor;  // with TLS
  std::unique_ptr<grpc::Server> server;
};

GrpcServer::GrpcServer(ApiCore& core, AccessRule rule, const std::optional<config::Api::Tls>& tls)
    : state_(std::make_unique<State>(core, rule)) {
  enable_plugins();
  grpc::ServerBuilder builder;
  set_limits(builder, core.options);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> observers;
  observers.push_back(core.calls.observer());
  builder.experimental().SetInterceptorCreators(std::move(observers));
  builder.RegisterService(&state_->policy);
  builder.RegisterService(&state_->monitor);
  builder.RegisterService(&state_->control);
  if (tls) {
    state_->acceptor = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials(*tls));
  }
  state_->server = builder.BuildAndStart();
  if (state_->server == nullptr) throw std::runtime_error("gRPC cannot start a server");
}

GrpcServer::~GrpcServer() = default;

void GrpcServer::serve(shm::Fd connection) {
  // From here on gRPC owns the descriptor.
  const int fd = connection.release();
  if (state_->acceptor == nullptr) return grpc::AddInsecureChannelFromFd(state_->server.get(), fd);
  ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.fd = fd;
  state_->acceptor->HandleNewConnection(&parameters);
}

void GrpcServer::stop(Clock::time_point deadline) { state_->server->Shutdown(deadline); }

}  // namespace pulsed::rpc
