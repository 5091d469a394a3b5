// ControlService: what an operator does at once, beside the policy.
#pragma once

#include "daemon/rpc/api_core.h"
#include "daemon/rpc/caller.h"
#include "pulsed/v1/control.grpc.pb.h"

namespace pulsed::rpc {

class ControlService final : public v1::ControlService::CallbackService {
 public:
  ControlService(ApiCore& core, AccessRule rule) : core_(core), rule_(rule) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* PinTier(Context* context, const v1::PinTierRequest* request,
                   v1::PinTierResponse* response) override;
  Reactor* Unpin(Context* context, const v1::UnpinRequest* request,
                 v1::UnpinResponse* response) override;
  Reactor* SetEnforcement(Context* context, const v1::SetEnforcementRequest* request,
                          v1::SetEnforcementResponse* response) override;

  ApiCore& core_;
  const AccessRule rule_;
};

}  // namespace pulsed::rpc
