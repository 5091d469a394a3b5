#include "daemon/rpc/monitor_service.h"

#include <memory>
#include <utility>
#include <vector>

#include "daemon/rpc/answer.h"
#include "daemon/rpc/duration_message.h"
#include "daemon/rpc/event_watch.h"
#include "daemon/rpc/monitor_message.h"
#include "daemon/rpc/policy_change.h"
#include "daemon/rpc/refused_watch.h"

namespace pulsed::rpc {
namespace {

using grpc::Status;
using grpc::StatusCode;
using Need = ReadingDesk::Need;

constexpr std::uint32_t kMostTasks = 10'000;
constexpr std::uint32_t kUsualTasks = 1'000;
constexpr int kSnapshotTries = 40;

Status stopping() { return {StatusCode::UNAVAILABLE, "pulsed is stopping"}; }

Status too_many_calls() {
  return {StatusCode::RESOURCE_EXHAUSTED, "too many calls wait; try again"};
}

grpc::ServerUnaryReactor* finished(grpc::CallbackServerContext* context, const Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

bool is_there(const Picture& picture, Need need) {
  const auto wanted = static_cast<unsigned>(need);
  return ((wanted & static_cast<unsigned>(Need::kSnapshot)) == 0 || picture.snapshot) &&
         ((wanted & static_cast<unsigned>(Need::kDetails)) == 0 || picture.details);
}

}  // namespace

template <typename Response, typename Fill>
grpc::ServerUnaryReactor* MonitorService::list(Context* context, Need need,
                                               const v1::Filter& message, Response& response,
                                               Fill fill) {
  std::vector<FieldFault> faults;
  Filter filter(message, FieldPath("filter", faults));
  if (!faults.empty()) return finished(context, invalid(faults));
  auto* answer = new Answer<Response>(core_.answer_bytes, rule_.caller(*context), response);
  const bool asked = core_.desk.ask(
      need, [answer, need, filter = std::move(filter), fill](const Picture& picture) {
        if (!is_there(picture, need)) return answer->refuse(stopping());
        answer->give([&](Response& to) { fill(picture, filter, to); });
      });
  if (!asked) answer->refuse(too_many_calls());
  return answer;
}

grpc::ServerUnaryReactor* MonitorService::GetStatus(Context* context,
                                                    const v1::GetStatusRequest* /*request*/,
                                                    v1::Status* response) {
  return list(context, Need::kSnapshot, {}, *response,
              [this](const Picture& picture, const Filter&, v1::Status& status) {
                fill(*picture.snapshot, status);
                status.set_ready(core_.site.ready());
                *status.mutable_since_last_tick() =
                    duration_message(core_.site.snapshots.since_last_tick());
                status.set_durable(core_.site.revisions.not_durable().empty());
                status.set_run_dir(core_.options.run_dir);
                status.set_state_dir(core_.options.state_dir);
              });
}

grpc::ServerUnaryReactor* MonitorService::ListServices(Context* context,
                                                       const v1::ListServicesRequest* request,
                                                       v1::ListServicesResponse* response) {
  return list(context, Need::kDetails, request->filter(), *response,
              [this](const Picture& picture, const Filter& filter, auto& to) {
                for (const ProcessDetail& process : picture.details->processes) {
                  if (!filter.shows_service(process.service)) continue;
                  fill(process, core_.options.abi_major, *to.add_services());
                }
              });
}

grpc::ServerUnaryReactor* MonitorService::ListClasses(Context* context,
                                                      const v1::ListClassesRequest* request,
                                                      v1::ListClassesResponse* response) {
  return list(context, Need::kSnapshot, request->filter(), *response,
              [](const Picture& picture, const Filter& filter, auto& to) {
                for (const ClassSnapshot& cls : picture.snapshot->classes) {
                  if (filter.shows_class(cls.service, cls.task_class)) {
                    fill(cls, *to.add_classes());
                  }
                }
              });
}

grpc::ServerUnaryReactor* MonitorService::ListTasks(Context* context,
                                                    const v1::ListTasksRequest* request,
                                                    v1::ListTasksResponse* response) {
  if (request->limit() > kMostTasks) {
    return finished(context, invalid({{"limit", "is above " + std::to_string(kMostTasks)}}));
  }
  const auto limit = static_cast<int>(request->limit() == 0 ? kUsualTasks : request->limit());
  return list(context, Need::kDetails, request->filter(), *response,
              [limit](const Picture& picture, const Filter& filter, auto& to) {
                const Details& details = *picture.details;
                std::uint64_t left_out = details.tasks_left_out;
                for (const TaskDetail& task : details.tasks) {
                  const ProcessDetail& process = details.processes.at(task.process);
                  if (!filter.shows_class(process.service, task.task_class)) continue;
                  if (to.tasks_size() < limit) {
                    fill(task, process, *to.add_tasks());
                  } else {
                    ++left_out;
                  }
                }
                to.set_left_out(left_out);
              });
}

grpc::ServerUnaryReactor* MonitorService::ListWorkers(Context* context,
                                                      const v1::ListWorkersRequest* request,
                                                      v1::ListWorkersResponse* response) {
  return list(context, Need::kDetails, request->filter(), *response,
              [](const Picture& picture, const Filter& filter, auto& to) {
                const Details& details = *picture.details;
                for (const WorkerDetail& worker : details.workers) {
                  const ProcessDetail& process = details.processes.at(worker.process);
                  if (filter.shows_service(process.service)) {
                    fill(worker, process, *to.add_workers());
                  }
                }
              });
}

namespace {

std::unique_ptr<v1::EventsSnapshot> snapshot_message(const Picture& picture, const Filter& filter,
                                                     std::uint32_t abi_major) {
  auto message = std::make_unique<v1::EventsSnapshot>();
  for (const ProcessDetail& process : picture.details->processes) {
    if (!filter.shows_service(process.service)) continue;
    fill(process, abi_major, *message->add_services());
  }
  for (const ClassSnapshot& cls : picture.snapshot->classes) {
    if (!filter.shows_class(cls.service, cls.task_class)) continue;
    fill(cls, *message->add_classes());
  }
  return message;
}

// Why a reader cannot go on where it was, if so.
std::optional<Status> cannot_resume(const EventLog& log, const v1::WatchEventsRequest& request) {
  if (request.epoch() != log.epoch()) {
    return Status(StatusCode::OUT_OF_RANGE,
                  "epoch: that number is of another run of pulsed; begin with resume_after 0 and "
                  "without it");
  }
  if (log.after(request.resume_after(), 1)) return {};
  return Status(StatusCode::OUT_OF_RANGE,
                "resume_after: events after " + std::to_string(request.resume_after()) +
                    " are no longer kept, or were never given; begin with resume_after 0");
}

}  // namespace

grpc::ServerWriteReactor<v1::WatchEventsResponse>* MonitorService::WatchEvents(
    Context* context, const v1::WatchEventsRequest* request) {
  std::vector<FieldFault> faults;
  const Filter filter(request->filter(), FieldPath("filter", faults));
  if (!faults.empty()) return new RefusedWatch<v1::WatchEventsResponse>(invalid(faults));
  const EventLog& log = core_.site.events;
  // Sequence numbers begin with 1: after 0 of a run that is named comes all of it.
  const bool resumes = request->resume_after() != 0 || request->epoch() != 0;
  if (resumes) {
    if (const auto status = cannot_resume(log, *request))
      return new RefusedWatch<v1::WatchEventsResponse>(*status);
  }
  Allowance::Taken place = core_.watches.take(rule_.caller(*context), 1);
  if (place == nullptr) {
    return new RefusedWatch<v1::WatchEventsResponse>(
        {StatusCode::RESOURCE_EXHAUSTED, "there are too many watches"});
  }
  const auto watch = std::make_shared<EventWatch>(
      EventWatch::Setting{context, core_.events, std::move(place)}, log, filter);
  auto* reactor = watch->begin();
  if (resumes) {
    watch->start_after(request->resume_after());
    watch->open();
    return reactor;
  }
  open_with_snapshot(watch, filter, kSnapshotTries);
  return reactor;
}

void MonitorService::open_with_snapshot(const std::shared_ptr<EventWatch>& watch,
                                        const Filter& filter, int tries) {
  // Known before the picture is made: what happens in between is in the picture, and follows as an event, too.
  const std::uint64_t last = core_.site.events.last();
  const auto asked = std::chrono::steady_clock::now().time_since_epoch();
  const auto use = [this, watch, filter, tries, last, asked](const Picture& picture) {
    if (!is_there(picture, Need::kBoth)) return watch->end_with(stopping());
    if (picture.snapshot->at < asked) {
      // Of a tick that had begun before; or the loop stands still, and the picture may lack events that are not to follow.
      if (tries > 1) return open_with_snapshot(watch, filter, tries - 1);
      return watch->end_with({StatusCode::UNAVAILABLE, "the control loop does not answer"});
    }
    auto message = snapshot_message(picture, filter, core_.options.abi_major);
    message->set_sequence(last);
    message->set_epoch(core_.site.events.epoch());
    watch->start_with(std::move(message));
    watch->open();
  };
  if (!core_.desk.ask(Need::kBoth, use)) watch->end_with(too_many_calls());
}

}  // namespace pulsed::rpc
