#include "daemon/rpc/call_counter.h"

#include "daemon/rpc/audit.h"

namespace pulsed::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;

constexpr std::string_view kOurs = "/pulsed.v1.";

std::string_view short_name(std::string_view method) {
  if (method.starts_with(kOurs)) return method.substr(kOurs.size());
  return method.substr(method.starts_with('/') ? 1 : 0);
}

// Of one call.
class Observer final : public Interceptor {
 public:
  Observer(CallCounter& counter, const char* method) : counter_(counter), method_(method) {}

  void Intercept(InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS))
      counter_.note(method_, batch->GetSendStatus().error_code());
    batch->Proceed();
  }

 private:
  CallCounter& counter_;
  const std::string method_;
};

class ObserverFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit ObserverFactory(CallCounter& counter) : counter_(counter) {}
  // gRPC takes it over.
  Interceptor* CreateServerInterceptor(ServerRpcInfo* call) override {
    return new Observer(counter_, call->method());
  }

 private:
  CallCounter& counter_;
};

}  // namespace

void CallCounter::note(std::string_view method, grpc::StatusCode code) {
  const std::string_view of = short_name(method);
  const std::lock_guard lock(mutex_);
  auto found = counts_.find(of);
  if (found == counts_.end())
    found = counts_.try_emplace(counts_.size() < kMostMethods ? std::string(of) : "other").first;
  ++found->second[code];
}

std::vector<CallCount> CallCounter::counts() const {
  const std::lock_guard lock(mutex_);
  std::vector<CallCount> all;
  for (const auto& [method, codes] : counts_) {
    for (const auto& [code, calls] : codes) all.push_back({method, std::string(name(code)), calls});
  }
  return all;
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> CallCounter::observer() {
  return std::make_unique<ObserverFactory>(*this);
}

}  // namespace pulsed::rpc
