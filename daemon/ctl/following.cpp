#include "daemon/ctl/following.h"

#include <iostream>

namespace pulsed::ctl {

void Following::stands() {
  if (gone_) std::cerr << "pulsectl: pulsed is back\n";
  gone_ = false;
  stood_ = true;
}

Following::Next Following::run(const std::function<grpc::Status(grpc::ClientContext&)>& stream) {
  grpc::ClientContext context;
  grpc::Status status;
  {
    const Interruption::Cancels cancels(interruption_, context);
    status = stream(context);
  }
  if (interruption_.happened()) return Next::kEnd;
  const grpc::StatusCode code = status.error_code();
  if (stood_ && code == grpc::StatusCode::OUT_OF_RANGE) {
    stands();
    return Next::kStartOver;
  }
  // A slow reader is dropped so; what it missed can still be had.
  if (stood_ && code == grpc::StatusCode::RESOURCE_EXHAUSTED) return pause(10);
  const bool may_come_back =
      status.ok() || code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::CANCELLED;
  if (!stood_ || !may_come_back) throw connection_.failure(status, Right::kRead);
  if (!gone_) std::cerr << "pulsectl: pulsed is gone; waiting for it to come back\n";
  gone_ = true;
  return pause(200);
}

Following::Next Following::pause(int milliseconds) {
  return interruption_.wait(std::chrono::milliseconds{milliseconds}) ? Next::kEnd : Next::kAgain;
}

}  // namespace pulsed::ctl
