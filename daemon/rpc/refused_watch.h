// A stream that ends before it begins.
#pragma once

#include <grpcpp/support/server_callback.h>

namespace pulsed::rpc {

template <typename Response>
class RefusedWatch final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedWatch(const grpc::Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace pulsed::rpc
