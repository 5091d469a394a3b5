// How many calls of each method have ended with each code, whatever server they came to.
#pragma once

#include <grpcpp/support/server_interceptor.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/rpc/api_server.h"

namespace pulsed::rpc {

// Thread-safe.
class CallCounter {
 public:
  CallCounter();

  // `method` as gRPC calls it: "/pulsed.v1.PolicyService/Update", which counts as "PolicyService/Update". What we do not serve
  // is `other`: callers can make up any name.
  void note(std::string_view method, grpc::StatusCode code);
  [[nodiscard]] std::vector<CallCount> counts() const;

  // What a server is built with, so that its calls are noted. The counter outlives the server.
  [[nodiscard]] std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> observer();

 private:
  using OfMethod = std::map<grpc::StatusCode, std::uint64_t>;

  mutable std::mutex mutex_;
  std::map<std::string, OfMethod, std::less<>> counts_;  // of every method that we serve
  OfMethod other_;
};

}  // namespace pulsed::rpc
