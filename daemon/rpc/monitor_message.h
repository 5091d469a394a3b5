// What the control loop shows, as the API has it.
#pragma once

#include <string>

#include "daemon/details.h"
#include "daemon/rpc/filter.h"
#include "daemon/snapshot.h"
#include "pulsed/v1/monitor.pb.h"

namespace pulsed::rpc {

// All of Status that a snapshot knows.
void fill(const Snapshot& snapshot, v1::Status& status);

void fill(const ProcessDetail& process, std::uint32_t abi_major, v1::ServiceInfo& info);
void fill(const ClassSnapshot& cls, v1::ClassInfo& info);
void fill(const TaskDetail& task, const ProcessDetail& process, v1::TaskInfo& info);
void fill(const WorkerDetail& worker, const ProcessDetail& process, v1::WorkerInfo& info);

}  // namespace pulsed::rpc
