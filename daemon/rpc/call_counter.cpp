#include "daemon/rpc/call_counter.h"

#include <google/protobuf/descriptor.h>

#include "daemon/rpc/audit.h"
#include "pulsed/v1/control.grpc.pb.h"
#include "pulsed/v1/monitor.grpc.pb.h"
#include "pulsed/v1/policy.grpc.pb.h"

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

CallCounter::CallCounter() {
  const auto* known = google::protobuf::DescriptorPool::generated_pool();
  for (const char* name :
       {v1::PolicyService::service_full_name(), v1::MonitorService::service_full_name(),
        v1::ControlService::service_full_name()}) {
    const google::protobuf::ServiceDescriptor* service = known->FindServiceByName(name);
    for (int i = 0; i < service->method_count(); ++i)
      counts_.try_emplace(service->name() + "/" + service->method(i)->name());
  }
  // What gRPC serves by itself.
  for (const char* method : {"grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch",
                             "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}) {
    counts_.try_emplace(method);
  }
}

void CallCounter::note(std::string_view method, grpc::StatusCode code) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(short_name(method));
  ++(found == counts_.end() ? other_ : found->second)[code];
}

std::vector<CallCount> CallCounter::counts() const {
  const std::lock_guard lock(mutex_);
  std::vector<CallCount> all;
  for (const auto& [method, codes] : counts_) {
    for (const auto& [code, calls] : codes) all.push_back({method, std::string(name(code)), calls});
  }
  for (const auto& [code, calls] : other_) all.push_back({"other", std::string(name(code)), calls});
  return all;
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> CallCounter::observer() {
  return std::make_unique<ObserverFactory>(*this);
}

}  // namespace pulsed::rpc
