#include "daemon/rpc/monitor_message.h"

#include <doctest/doctest.h>

namespace pulsed::rpc {
namespace {

TEST_CASE("the status adds up services and classes") {
  Snapshot snapshot;
  for (int i = 0; i < 2; ++i) {
    ServiceSnapshot service;
    service.processes = 1;
    service.workers = 3;
    service.in_flight_over_budget = 7;
    service.holding_polls = {1, 2, 0, 5};
    service.dropped_samples = 5;
    snapshot.services.push_back(service);
    ClassSnapshot cls;
    cls.tasks = {10, 1, 2, 3};
    snapshot.classes.push_back(cls);
  }
  v1::Status status;
  fill(snapshot, status);
  CHECK(status.services() == 2);
  CHECK(status.workers() == 6);
  CHECK(status.in_flight_over_budget() == 14);
  CHECK(status.dropped_samples() == 10);
  CHECK(status.tasks() == 32);
  CHECK(status.tasks_above_monitor() == 12);
}

}  // namespace
}  // namespace pulsed::rpc
