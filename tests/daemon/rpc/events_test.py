"""WatchEvents: a snapshot first, then what happens; resumed by number, and bounded for who does not read."""
import unittest

import grpc
from pulsed.v1 import control_pb2, monitor_pb2 as pb, policy_pb2

from api_daemon import PATIENCE, ApiTest, eventually

Code = grpc.StatusCode
KEPT = 8192


class WatchingEvents(ApiTest):
    def setUp(self):
        self.pulsed = self.daemon()
        self.admin = self.pulsed.api()
        self.monitor = self.pulsed.api(self.pulsed.read_socket).monitor

    def watch(self, **fields):
        watch = self.monitor.WatchEvents(pb.WatchEventsRequest(**fields), timeout=4 * PATIENCE)
        self.addCleanup(watch.cancel)
        return watch

    def pin(self, task_class="render", service="shop", tier=policy_pb2.TIER_WARN):
        request = control_pb2.PinTierRequest(service=service, tier=tier, **{"class": task_class})
        return self.admin.control.PinTier.future(request, timeout=4 * PATIENCE)

    def happen(self, count, tier=policy_pb2.TIER_WARN):
        """So many events: changes of as many pins, which one turn of the loop takes up together. Gives the last number."""
        before = self.last()[0]
        for answer in [self.pin(str(i), tier=tier) for i in range(count)]:
            answer.result()
        eventually(lambda: self.last()[0] >= before + count, "the pins are no events")
        return self.last()[0]

    def happen_more_than_kept(self, times, keep_up=lambda last: None):
        for _ in range(times * (KEPT // 2000 + 1)):
            keep_up(self.happen(1000, policy_pb2.TIER_WARN))
            keep_up(self.happen(1000, policy_pb2.TIER_YIELD))

    def last(self):
        """The number of the last event, and the run it belongs to."""
        watch = self.watch()
        snapshot = next(watch).snapshot
        watch.cancel()
        return snapshot.sequence, snapshot.epoch

    def test_a_watch_begins_with_what_there_is(self):
        service = self.service(self.pulsed, "shop")
        service.tell("work 0 render 100 100 obey")
        eventually(lambda: len(self.monitor.ListClasses(pb.ListClassesRequest()).classes) > 0, "no class is seen")
        snapshot = next(self.watch()).snapshot
        self.assertEqual([s.service for s in snapshot.services], ["shop"])
        self.assertIn("render", [getattr(c, "class") for c in snapshot.classes])
        self.assertGreater(snapshot.epoch, 0)
        filtered = next(self.watch(filter=pb.Filter(service="other"))).snapshot
        self.assertEqual((len(filtered.services), len(filtered.classes)), (0, 0))

    def test_what_happens_after_it_follows_in_order(self):
        watch = self.watch()
        snapshot = next(watch).snapshot
        service = self.service(self.pulsed, "shop")
        attached = next(watch).event
        self.assertEqual(attached.WhichOneof("what"), "attached")
        self.assertEqual((attached.service, attached.pid), ("shop", service.process.pid))
        self.pin().result()
        pinned = next(watch).event
        self.assertEqual(getattr(pinned.pin_changed, "class"), "render")
        self.assertEqual(pinned.pin_changed.tier, policy_pb2.TIER_WARN)
        self.admin.policy.Update(policy_pb2.UpdatePolicyRequest(policy=policy_pb2.Policy(enforcement=3)))
        changed = next(watch).event
        self.assertEqual((changed.policy_changed.revision, changed.policy_changed.enforcement), (2, 3))
        service.close()
        detached = next(watch).event
        self.assertEqual(detached.WhichOneof("what"), "detached")
        numbers = [e.sequence for e in (attached, pinned, changed, detached)]
        self.assertEqual(numbers, list(range(snapshot.sequence + 1, snapshot.sequence + 5)))
        self.assertEqual({e.epoch for e in (attached, pinned, changed, detached)}, {snapshot.epoch})

    def test_a_long_poll_and_the_steps_of_its_task_are_events(self):
        watch = self.watch(filter=pb.Filter(service="mill"))
        next(watch)
        mill = self.service(self.pulsed, "mill", workers=1)
        mill.tell("work 0 grind 3600000000 0 blind")
        seen = {}
        while not {"tier_changed", "poll_held"} <= set(seen):
            event = next(watch).event
            seen[event.WhichOneof("what")] = event
        held = seen["poll_held"].poll_held
        self.assertEqual(getattr(held, "class"), "grind")
        # It burns, unless others keep it from the CPU.
        self.assertIn(held.blame, (pb.BLAME_BURNING, pb.BLAME_RUNNABLE))
        change = seen["tier_changed"].tier_changed
        self.assertEqual(getattr(change, "class"), "grind")
        self.assertGreater(change.to, getattr(change, "from"))
        self.assertTrue(change.reason)

    def test_the_end_of_a_long_poll_is_an_event_that_says_how_long_it_took(self):
        watch = self.watch(filter=pb.Filter(service="mill"))
        next(watch)
        mill = self.service(self.pulsed, "mill", workers=1)
        mill.tell("work 0 grind 30000 0 blind")
        seen = {}
        while "held_poll_ended" not in seen:
            event = next(watch).event
            seen[event.WhichOneof("what")] = event
        held, ended = seen["poll_held"].poll_held, seen["held_poll_ended"].held_poll_ended
        self.assertEqual(getattr(ended, "class"), "grind")
        self.assertEqual((ended.worker, ended.thread_name), (held.worker, held.thread_name))
        self.assertFalse(ended.at_most)
        self.assertGreaterEqual(ended.duration.ToNanoseconds(), held.age.ToNanoseconds())
        self.assertGreaterEqual(ended.duration.ToNanoseconds(), 29_000_000)
        self.assertLessEqual(ended.start.ToNanoseconds(), seen["poll_held"].at.ToNanoseconds())
        self.assertNotEqual(held.tier, policy_pb2.TIER_UNSPECIFIED)
        self.assertGreaterEqual(ended.tier, held.tier)

    def test_a_filter_leaves_out_what_it_does_not_name(self):
        watch = self.watch(filter=pb.Filter(service="mill"))
        next(watch)
        self.pin(service="shop").result()
        self.pin(service="mill").result()
        self.assertEqual(next(watch).event.service, "mill")

    def test_a_watch_resumes_after_the_number_it_saw(self):
        _, epoch = self.last()
        last = self.happen(5)
        resumed = self.watch(resume_after=last - 3, epoch=epoch)
        self.assertEqual([next(resumed).event.sequence for _ in range(3)], [last - 2, last - 1, last])
        self.happen(1, policy_pb2.TIER_YIELD)
        self.assertEqual(next(resumed).event.sequence, last + 1)

    def test_with_the_epoch_alone_all_since_the_start_follows(self):
        last = self.happen(3)
        watch = self.watch(epoch=self.last()[1])
        self.assertEqual([next(watch).event.sequence for _ in range(last)], list(range(1, last + 1)))

    def test_a_number_of_another_run_or_of_the_future_cannot_be_resumed(self):
        self.happen(3)
        sequence, epoch = self.last()
        self.assertIn("epoch", self.refused(Code.OUT_OF_RANGE, self.monitor.WatchEvents,
                                            pb.WatchEventsRequest(resume_after=sequence, epoch=epoch + 1)))
        self.assertIn("resume_after", self.refused(Code.OUT_OF_RANGE, self.monitor.WatchEvents,
                                                   pb.WatchEventsRequest(resume_after=sequence + 1000, epoch=epoch)))
        self.pulsed.kill()
        self.pulsed.start()
        again = self.pulsed.api().monitor
        self.refused(Code.OUT_OF_RANGE, again.WatchEvents, pb.WatchEventsRequest(resume_after=1, epoch=epoch))

    def test_a_number_that_is_no_longer_kept_cannot_be_resumed(self):
        self.happen(1)
        sequence, epoch = self.last()
        self.happen_more_than_kept(times=1)
        self.assertIn("no longer kept", self.refused(Code.OUT_OF_RANGE, self.monitor.WatchEvents,
                                                     pb.WatchEventsRequest(resume_after=sequence, epoch=epoch)))

    def test_a_reader_that_does_not_keep_up_is_dropped_and_no_other(self):
        # A small window, so that little is on its way to a reader that takes nothing.
        options = [("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0)]
        slow = self.pulsed.api(self.pulsed.read_socket, options).monitor.WatchEvents(
            pb.WatchEventsRequest(), timeout=8 * PATIENCE)
        quick = self.watch()
        taken = next(quick).snapshot.sequence
        next(slow)

        def keep_up(last):
            nonlocal taken
            while taken < last:
                taken += 1
                self.assertEqual(next(quick).event.sequence, taken)

        self.happen_more_than_kept(times=2, keep_up=keep_up)
        seen = []
        with self.assertRaises(grpc.RpcError) as caught:
            for message in slow:
                seen.append(message.event.sequence)
        self.assertEqual(caught.exception.code(), Code.RESOURCE_EXHAUSTED)
        self.assertLess(len(seen), KEPT)
        self.assertEqual(seen, list(range(1, len(seen) + 1)))

    def test_a_watch_ends_when_the_daemon_does(self):
        watch = self.watch()
        next(watch)
        policies = self.admin.policy.Watch(policy_pb2.WatchPolicyRequest(), timeout=PATIENCE)
        next(policies)
        self.assertEqual(self.pulsed.stop(), 0)
        for stream in (watch, policies):
            with self.assertRaises(grpc.RpcError) as caught:
                next(stream)
            self.assertEqual(caught.exception.code(), Code.UNAVAILABLE)


if __name__ == "__main__":
    unittest.main()
