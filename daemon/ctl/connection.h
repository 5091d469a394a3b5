// The way to the daemon: reads go to api.sock, changes to admin/api.sock, or both over one address of TCP. What fails is
// told in words that say what to do.
//
//   Connection connection(endpoint);
//   const v1::Status status = connection.read(&v1::MonitorService::StubInterface::GetStatus, v1::GetStatusRequest{});
//
// Nothing connects before the first call. After a restart of the daemon the next call connects anew. Thread-safe.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "daemon/ctl/endpoint.h"
#include "daemon/ctl/failure.h"
#include "pulsed/v1/control.grpc.pb.h"
#include "pulsed/v1/monitor.grpc.pb.h"
#include "pulsed/v1/policy.grpc.pb.h"

namespace pulsed::ctl {

enum class Right : std::uint8_t { kRead, kChange };

class Connection {
 public:
  explicit Connection(Endpoint endpoint);

  // A method of MonitorService or PolicyService that changes nothing; waits at most the endpoint's timeout. Throws Failed.
  template <typename Stub, typename Request, typename Response>
  Response read(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request) {
    return call(Right::kRead, method, request);
  }
  // One of PolicyService or ControlService that needs the right to change.
  template <typename Stub, typename Request, typename Response>
  Response change(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request) {
    return call(Right::kChange, method, request);
  }

  // For streams, and for who wants the status itself.
  template <typename Stub>
  [[nodiscard]] Stub& stub(Right right);
  // The endpoint's timeout, from now on.
  void set_deadline(grpc::ClientContext& context) const;
  // What a status that is not OK means, in words, with its exit code. May look at the socket, or ask the daemon its version.
  [[nodiscard]] Failed failure(const grpc::Status& status, Right right);

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

 private:
  struct Way {
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<v1::MonitorService::StubInterface> monitor;
    std::unique_ptr<v1::PolicyService::StubInterface> policy;
    std::unique_ptr<v1::ControlService::StubInterface> control;
  };

  template <typename Stub, typename Request, typename Response>
  Response call(Right right,
                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request) {
    grpc::ClientContext context;
    set_deadline(context);
    Response response;
    const grpc::Status status = (stub<Stub>(right).*method)(&context, request, &response);
    if (!status.ok()) throw failure(status, right);
    return response;
  }

  [[nodiscard]] Way& way(Right right) { return right == Right::kRead ? read_ : change_; }
  [[nodiscard]] Failed unreachable(const grpc::Status& status, Right right);
  [[nodiscard]] Failed unknown_method(const grpc::Status& status);
  [[nodiscard]] std::string where(Right right) const;  // "/run/pulsed/api.sock", "host:port"

  Endpoint endpoint_;
  Way read_;
  Way change_;
};

template <>
[[nodiscard]] inline v1::MonitorService::StubInterface& Connection::stub(Right right) {
  return *way(right).monitor;
}
template <>
[[nodiscard]] inline v1::PolicyService::StubInterface& Connection::stub(Right right) {
  return *way(right).policy;
}
template <>
[[nodiscard]] inline v1::ControlService::StubInterface& Connection::stub(Right right) {
  return *way(right).control;
}

}  // namespace pulsed::ctl
