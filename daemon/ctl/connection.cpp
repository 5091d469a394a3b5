#include "daemon/ctl/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <unistd.h>

#include <utility>

#include "daemon/config/units.h"
#include "daemon/ctl/socket_probe.h"
#include "daemon/version.h"

namespace pulsed::ctl {
namespace {

// A daemon that comes back is found soon; a message of the daemon is as large as its lists.
grpc::ChannelArguments channel_arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return arguments;
}

std::shared_ptr<grpc::Channel> open_channel(const Endpoint& endpoint, Right right) {
  if (endpoint.local()) {
    const auto socket = right == Right::kRead ? endpoint.read_socket() : endpoint.change_socket();
    return grpc::CreateCustomChannel("unix:" + socket.string(), grpc::InsecureChannelCredentials(),
                                     channel_arguments());
  }
  if (!endpoint.encrypted) {
    return grpc::CreateCustomChannel(endpoint.address, grpc::InsecureChannelCredentials(),
                                     channel_arguments());
  }
  const grpc::SslCredentialsOptions options{.pem_root_certs = endpoint.tls.ca,
                                            .pem_private_key = endpoint.tls.key,
                                            .pem_cert_chain = endpoint.tls.cert};
  return grpc::CreateCustomChannel(endpoint.address, grpc::SslCredentials(options),
                                   channel_arguments());
}

// Of a change that was sent, and not answered.
std::string doubt(Right right) {
  if (right == Right::kRead) return {};
  return ". Whether the change was made is not known: see `pulsectl policy history`";
}

std::string we() { return "uid " + std::to_string(::geteuid()); }

}  // namespace

Connection::Connection(Endpoint endpoint) : endpoint_(std::move(endpoint)) {
  for (const Right right : {Right::kRead, Right::kChange}) {
    Way& to = way(right);
    const bool same = right == Right::kChange && !endpoint_.local();
    to.channel = same ? read_.channel : open_channel(endpoint_, right);
    to.monitor = v1::MonitorService::NewStub(to.channel);
    to.policy = v1::PolicyService::NewStub(to.channel);
    to.control = v1::ControlService::NewStub(to.channel);
  }
}

void Connection::set_deadline(grpc::ClientContext& context) const {
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::duration_cast<std::chrono::microseconds>(endpoint_.timeout));
}

std::string Connection::where(Right right) const {
  if (!endpoint_.local()) return endpoint_.address;
  return (right == Right::kRead ? endpoint_.read_socket() : endpoint_.change_socket()).string();
}

Failed Connection::failure(const grpc::Status& status, Right right) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return unreachable(status, right);
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return {kExitUnreachable,
              where(right) + ": no answer within " + config::duration_text(endpoint_.timeout) +
                  "; is pulsed stopped or overloaded? --timeout waits longer" + doubt(right)};
    case grpc::StatusCode::UNIMPLEMENTED:
      return unknown_method(status);
    case grpc::StatusCode::ABORTED:
      return {kExitConflict, status.error_message()};
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return {kExitNoRight, where(right) + ": " + status.error_message()};
    default:
      return {kExitFailed, status.error_message()};
  }
}

Failed Connection::unreachable(const grpc::Status& status, Right right) {
  // Over a connection that stands it is the daemon that says so: a disk that is full, for example.
  if (way(right).channel->GetState(false) == GRPC_CHANNEL_READY) {
    return {kExitFailed, status.error_message()};
  }
  const std::string at = where(right);
  if (!endpoint_.local()) {
    return {
        kExitUnreachable,
        at + ": " + status.error_message() +
            "; does pulsed listen there (api.tcp in pulsed.yaml), and do the certificates fit?"};
  }
  switch (probe_socket(endpoint_.run_dir, right == Right::kRead ? endpoint_.read_socket()
                                                                : endpoint_.change_socket())) {
    case SocketState::kNoRunDir:
      return {kExitUnreachable,
              endpoint_.run_dir.string() +
                  ": no such directory; is pulsed running? --run-dir names another"};
    case SocketState::kMissing:
      return {kExitUnreachable,
              at + ": no such socket; is pulsed running? --run-dir names another"};
    case SocketState::kForbidden:
      return {kExitNoRight, at + ": permission denied to " + we() +
                                (right == Right::kChange
                                     ? "; changes are up to the user pulsed runs as, so try sudo"
                                     : "; ask who runs pulsed to let you in")};
    case SocketState::kStale:
      return {kExitUnreachable, at + ": connection refused; its pulsed is gone, start it again"};
    case SocketState::kDismissed:
      return {kExitNoRight, at + ": pulsed does not let " + we() + " in"};
    case SocketState::kUnusable:
      return {kExitUnreachable, at + ": not a socket of pulsed"};
    case SocketState::kSilent:
      return {kExitUnreachable,
              at + ": no answer; is pulsed stopped or overloaded?" + doubt(right)};
    case SocketState::kServed:
      break;
  }
  return {kExitUnreachable,
          at + ": the connection broke: " + status.error_message() + doubt(right)};
}

Failed Connection::unknown_method(const grpc::Status& status) {
  grpc::ClientContext context;
  set_deadline(context);
  v1::Status daemon;
  const grpc::Status asked =
      stub<v1::MonitorService::StubInterface>(Right::kRead).GetStatus(&context, {}, &daemon);
  if (!asked.ok() || daemon.version().empty()) {
    return {kExitFailed,
            where(Right::kRead) + " does not speak pulsed.v1: " + status.error_message()};
  }
  return {kExitFailed, "this is pulsectl " + std::string(version()) + ", and pulsed " +
                           daemon.version() +
                           " does not know what was asked; use the pulsectl of that version"};
}

}  // namespace pulsed::ctl
