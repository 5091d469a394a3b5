// The answer to one call of a reader. gRPC holds it until the reader takes it, and a reader may take nothing and go on asking:
// what waits that way is bounded, for one caller and in all.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <utility>

#include "daemon/rpc/allowance.h"

namespace pulsed::rpc {

// Lives until gRPC is done with the call. Exactly one of give and refuse is called, once, on any thread.
template <typename Response>
class Answer final : public grpc::ServerUnaryReactor {
 public:
  // `bytes` outlives it.
  Answer(Allowance& bytes, Caller caller, Response& response)
      : bytes_(bytes), caller_(std::move(caller)), response_(response) {}

  // What `fill` makes of the response, unless too much waits already.
  template <typename Fill>
  void give(const Fill& fill) {
    if (!bytes_.has_left(caller_)) return Finish(too_much_waits());
    fill(response_);
    waiting_ = bytes_.take(caller_, 1 + response_.ByteSizeLong());
    if (waiting_ != nullptr) return Finish(grpc::Status::OK);
    Response().Swap(&response_);  // gRPC would keep it until the reader takes the refusal
    Finish(too_much_waits());
  }

  void refuse(const grpc::Status& status) { Finish(status); }

 private:
  static grpc::Status too_much_waits() {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED,
            "too many answers wait to be read; read those before asking for more"};
  }
  void OnDone() override { delete this; }

  Allowance& bytes_;
  const Caller caller_;
  Response& response_;
  Allowance::Taken waiting_;
};

}  // namespace pulsed::rpc
