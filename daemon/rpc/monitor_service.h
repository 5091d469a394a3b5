// MonitorService: what pulsed sees, now and as it happens.
#pragma once

#include <memory>

#include "daemon/rpc/api_core.h"
#include "daemon/rpc/caller.h"
#include "daemon/rpc/event_watch.h"
#include "pulsed/v1/monitor.grpc.pb.h"

namespace pulsed::rpc {

class MonitorService final : public v1::MonitorService::CallbackService {
 public:
  MonitorService(ApiCore& core, AccessRule rule) : core_(core), rule_(rule) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* GetStatus(Context* context, const v1::GetStatusRequest* request,
                     v1::Status* response) override;
  Reactor* ListServices(Context* context, const v1::ListServicesRequest* request,
                        v1::ListServicesResponse* response) override;
  Reactor* ListClasses(Context* context, const v1::ListClassesRequest* request,
                       v1::ListClassesResponse* response) override;
  Reactor* ListTasks(Context* context, const v1::ListTasksRequest* request,
                     v1::ListTasksResponse* response) override;
  Reactor* ListWorkers(Context* context, const v1::ListWorkersRequest* request,
                       v1::ListWorkersResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchEventsResponse>* WatchEvents(
      Context* context, const v1::WatchEventsRequest* request) override;

  // Answers with what `fill` makes of the picture and the filter.
  template <typename Response, typename Fill>
  Reactor* list(Context* context, ReadingDesk::Need need, const v1::Filter& filter,
                Response& response, Fill fill);

  // Opens the watch with a snapshot, if there is one no older than the call.
  void open_with_snapshot(const std::shared_ptr<EventWatch>& watch, const Filter& filter,
                          int tries);

  ApiCore& core_;
  const AccessRule rule_;
};

}  // namespace pulsed::rpc
