// One gRPC server with the three services, for callers of one kind. It listens on nothing: connections are handed to it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "daemon/config/config.h"
#include "daemon/rpc/api_core.h"
#include "daemon/rpc/caller.h"
#include "shared_memory/segment.h"

namespace pulsed::rpc {

class GrpcServer {
 public:
  using Clock = std::chrono::system_clock;  // as gRPC has it

  // With `tls` every client needs a certificate. Throws std::runtime_error, with what to do.
  GrpcServer(ApiCore& core, AccessRule rule, const std::optional<config::Api::Tls>& tls);
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // A connected socket that does not block.
  void serve(shm::Fd connection);
  // No new calls; those that are there are cancelled at `deadline`. Returns when all have ended.
  void stop(Clock::time_point deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pulsed::rpc
