"""MonitorService: what pulsed sees of itself and of services."""
import unittest

import grpc
from pulsed.v1 import control_pb2, monitor_pb2 as pb, policy_pb2

from api_daemon import PATIENCE, ApiTest, eventually

Code = grpc.StatusCode


def filter_of(service="", task_class=""):
    return pb.Filter(service=service, **{"class": task_class})


class SeeingServices(ApiTest):
    def setUp(self):
        self.pulsed = self.daemon()
        # Whoever may not change anything may see everything.
        self.api = self.pulsed.api(self.pulsed.read_socket).monitor
        self.shop = self.service(self.pulsed, "shop", workers=2)
        self.mill = self.service(self.pulsed, "mill", workers=1)
        self.shop.tell("work 0 render 200 200 obey")
        self.shop.tell("work 1 checkout/pay 100 300 obey")
        # One poll that never ends.
        self.mill.tell("work 0 grind 3600000000 0 blind")
        eventually(lambda: len(self.list_workers()) == 3, "not all workers were seen")

    def test_a_service_whose_name_is_no_text_keeps_nobody_from_seeing_the_others(self):
        self.service(self.pulsed, "\udcff\udcfe", workers=1)  # the bytes ff and fe
        snapshot = next(self.api.WatchEvents(pb.WatchEventsRequest(), timeout=PATIENCE)).snapshot
        names = {service.service for service in snapshot.services}
        self.assertIn("??", names)
        self.assertEqual(names, {service.service for service in self.services()})
        self.assertTrue(self.list_workers(service="shop"))

    def list_workers(self, **filters):
        request = pb.ListWorkersRequest(filter=filter_of(**filters))
        return self.api.ListWorkers(request, timeout=PATIENCE).workers

    def classes(self, **filters):
        request = pb.ListClassesRequest(filter=filter_of(**filters))
        return self.api.ListClasses(request, timeout=PATIENCE).classes

    def services(self, **filters):
        request = pb.ListServicesRequest(filter=filter_of(**filters))
        return self.api.ListServices(request, timeout=PATIENCE).services

    def status(self):
        return self.api.GetStatus(pb.GetStatusRequest(), timeout=PATIENCE)

    def test_the_status_adds_up_what_there_is(self):
        status = eventually(lambda: (s := self.status()).in_flight_over_budget == 1 and s.tasks == 3 and s,
                            "the poll that never ends, or a task, is not counted")
        self.assertEqual((status.services, status.workers), (2, 3))
        self.assertTrue(status.ready)
        self.assertTrue(status.durable)
        self.assertRegex(status.version, r"^\d+\.\d+\.\d+")
        self.assertEqual(status.enforcement, policy_pb2.ENFORCEMENT_SHADOW)
        self.assertEqual(status.policy_revision, 1)
        self.assertEqual((status.run_dir, status.state_dir), (self.pulsed.run_dir, self.pulsed.state_dir))
        eventually(lambda: self.status().samples > status.samples, "no samples come in")

    def test_each_process_is_listed_with_its_pid_and_uid(self):
        found = {s.service: s for s in self.services()}
        self.assertEqual(set(found), {"shop", "mill"})
        self.assertEqual(found["shop"].pid, self.shop.process.pid)
        self.assertEqual((found["shop"].workers, found["mill"].workers), (2, 1))
        self.assertRegex(found["shop"].abi, r"^\d+\.\d+$")
        self.assertGreater(found["shop"].attached_at.seconds, 1_600_000_000)
        self.assertEqual(found["shop"].quarantined, False)

    def test_filters_are_globs_over_services_and_classes(self):
        eventually(lambda: len(self.classes(service="shop", task_class="*")) >= 2, "classes are missing")
        self.assertEqual({c.service for c in self.classes(service="m*")}, {"mill"})
        self.assertEqual([getattr(c, "class") for c in self.classes(task_class="checkout/*")], ["checkout/pay"])
        self.assertEqual(len(self.classes(service="m*", task_class="render")), 0)
        self.assertEqual([s.service for s in self.services(service="?ill")], ["mill"])
        self.assertEqual(len(self.list_workers(service="shop")), 2)

    def test_a_glob_that_is_too_long_is_refused_everywhere(self):
        long = filter_of(service="x" * 65)
        for method, request in ((self.api.ListServices, pb.ListServicesRequest(filter=long)),
                                (self.api.ListClasses, pb.ListClassesRequest(filter=long)),
                                (self.api.ListTasks, pb.ListTasksRequest(filter=long)),
                                (self.api.ListWorkers, pb.ListWorkersRequest(filter=long)),
                                (self.api.WatchEvents, pb.WatchEventsRequest(filter=long))):
            self.assertIn("filter.service", self.refused(Code.INVALID_ARGUMENT, method, request))
        request = pb.ListTasksRequest(filter=filter_of(task_class="x" * 65))
        self.assertIn("filter.class", self.refused(Code.INVALID_ARGUMENT, self.api.ListTasks, request))

    def test_a_class_has_its_totals_and_quantiles(self):
        render = eventually(lambda: (c := self.classes(task_class="render")) and c[0].polls > 50 and
                            c[0].poll_p99.nanos > 0 and c[0], "the class polls too little")
        self.assertGreater(render.cpu_time.seconds * 1_000_000_000 + render.cpu_time.nanos, 1_000_000)
        self.assertLessEqual(render.poll_p50.nanos, render.poll_p99.nanos)
        self.assertEqual(len(render.tasks_by_tier), 4)
        self.assertEqual(sum(render.tasks_by_tier), 1)
        self.assertEqual(render.pinned, policy_pb2.TIER_UNSPECIFIED)
        self.assertEqual(render.enforcement, policy_pb2.ENFORCEMENT_SHADOW)

    def test_a_worker_shows_the_poll_it_is_in(self):
        def grinding():
            worker = self.list_workers(service="mill")[0]
            poll = worker.in_flight
            return poll.over_budget and poll.age.seconds >= 1 and poll.blame in (pb.BLAME_BURNING, pb.BLAME_RUNNABLE) and worker
        worker = eventually(grinding, "the poll that never ends is not shown as one that burns")
        self.assertEqual(getattr(worker.in_flight, "class"), "grind")
        self.assertEqual(worker.kind, pb.WorkerInfo.KIND_ORDINARY)
        self.assertEqual(worker.pid, self.mill.process.pid)
        self.assertGreater(worker.thread_id, 0)
        self.assertGreater(worker.in_flight.cpu.seconds + worker.in_flight.cpu.nanos, 0)

    def test_tasks_above_monitor_are_listed_up_to_a_limit(self):
        control = self.pulsed.api().control
        for service, name in (("shop", "render"), ("shop", "checkout/pay")):
            control.PinTier(control_pb2.PinTierRequest(service=service, tier=policy_pb2.TIER_YIELD,
                                                       **{"class": name}), timeout=PATIENCE)

        def both():
            found = self.api.ListTasks(pb.ListTasksRequest(filter=filter_of(service="shop")), timeout=PATIENCE)
            return len(found.tasks) == 2 and found
        tasks = eventually(both, "the pinned tasks are not listed").tasks
        self.assertEqual({(t.service, getattr(t, "class"), t.tier) for t in tasks},
                         {("shop", "render", policy_pb2.TIER_YIELD), ("shop", "checkout/pay", policy_pb2.TIER_YIELD)})
        one = self.api.ListTasks(pb.ListTasksRequest(filter=filter_of(service="shop"), limit=1), timeout=PATIENCE)
        self.assertEqual((len(one.tasks), one.left_out), (1, 1))
        self.assertIn("limit", self.refused(Code.INVALID_ARGUMENT, self.api.ListTasks,
                                            pb.ListTasksRequest(limit=10_001)))


if __name__ == "__main__":
    unittest.main()
