// PolicyService: the policy, its history, and changes of it.
#pragma once

#include "daemon/rpc/api_core.h"
#include "daemon/rpc/caller.h"
#include "pulsed/v1/policy.grpc.pb.h"

namespace pulsed::rpc {

class PolicyService final : public v1::PolicyService::CallbackService {
 public:
  PolicyService(ApiCore& core, AccessRule rule) : core_(core), rule_(rule) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* Get(Context* context, const v1::GetPolicyRequest* request,
               v1::PolicyState* response) override;
  Reactor* Update(Context* context, const v1::UpdatePolicyRequest* request,
                  v1::PolicyState* response) override;
  Reactor* ListRevisions(Context* context, const v1::ListRevisionsRequest* request,
                         v1::ListRevisionsResponse* response) override;
  Reactor* Rollback(Context* context, const v1::RollbackPolicyRequest* request,
                    v1::PolicyState* response) override;
  grpc::ServerWriteReactor<v1::PolicyState>* Watch(Context* context,
                                                   const v1::WatchPolicyRequest* request) override;

  ApiCore& core_;
  const AccessRule rule_;
};

}  // namespace pulsed::rpc
