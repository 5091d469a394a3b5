"""ControlService: pins, and the emergency stop."""
import unittest

import grpc
from google.protobuf import duration_pb2
from pulsed.v1 import control_pb2 as pb, monitor_pb2, policy_pb2

from api_daemon import PATIENCE, ApiTest, eventually

Code = grpc.StatusCode


def pin(service="shop", task_class="render", tier=policy_pb2.TIER_WARN, **fields):
    return pb.PinTierRequest(service=service, tier=tier, **{"class": task_class}, **fields)


def unpin(service="shop", task_class="render", **fields):
    return pb.UnpinRequest(service=service, **{"class": task_class}, **fields)


class HoldingAClass(ApiTest):
    def setUp(self):
        self.pulsed = self.daemon()
        api = self.pulsed.api()
        self.control, self.monitor, self.policy = api.control, api.monitor, api.policy

    def pinned(self):
        classes = self.monitor.ListClasses(monitor_pb2.ListClassesRequest(), timeout=PATIENCE).classes
        return {(c.service, getattr(c, "class")): c.pinned for c in classes if c.pinned}

    def test_a_pinned_class_is_held_until_it_is_unpinned(self):
        service = self.service(self.pulsed, "shop")
        service.tell("work 0 render 100 100 obey")
        self.control.PinTier(pin(tier=policy_pb2.TIER_ISOLATE, comment="a hog"), timeout=PATIENCE)
        eventually(lambda: self.pinned() == {("shop", "render"): policy_pb2.TIER_ISOLATE}, "not pinned")
        self.pulsed.says(r'audit: uid \d+: PinTier "shop" "render" at isolate, "a hog": done')
        self.control.Unpin(unpin(), timeout=PATIENCE)
        eventually(lambda: not self.pinned(), "still pinned")
        self.pulsed.says(r'audit: uid \d+: Unpin "shop" "render": done')

    def test_a_pin_ends_by_itself(self):
        service = self.service(self.pulsed, "shop")
        service.tell("work 0 render 100 100 obey")
        self.control.PinTier(pin(ttl=duration_pb2.Duration(seconds=1)), timeout=PATIENCE)
        eventually(self.pinned, "not pinned")
        eventually(lambda: not self.pinned(), "still pinned")

    def test_what_is_not_pinned_cannot_be_unpinned(self):
        self.assertIn("not pinned", self.refused(Code.NOT_FOUND, self.control.Unpin, unpin()))
        self.control.PinTier(pin(), timeout=PATIENCE)
        self.refused(Code.NOT_FOUND, self.control.Unpin, unpin(task_class="other"))
        self.control.Unpin(unpin(), timeout=PATIENCE)
        self.refused(Code.NOT_FOUND, self.control.Unpin, unpin())

    def test_a_thousand_classes_can_be_pinned_and_no_more(self):
        for i in range(1000):
            self.control.PinTier(pin(task_class=str(i)), timeout=PATIENCE)
        self.refused(Code.RESOURCE_EXHAUSTED, self.control.PinTier, pin(task_class="one more"))
        # What is pinned can still be moved, and what is unpinned makes room.
        self.control.PinTier(pin(task_class="7", tier=policy_pb2.TIER_YIELD), timeout=PATIENCE)
        self.control.Unpin(unpin(task_class="7"), timeout=PATIENCE)
        self.control.PinTier(pin(task_class="one more"), timeout=PATIENCE)

    def test_what_is_wrong_with_a_request_is_named(self):
        def refuses(field, method, request):
            self.assertIn(field, self.refused(Code.INVALID_ARGUMENT, method, request))
        refuses("service", self.control.PinTier, pin(service=""))
        refuses("service", self.control.PinTier, pin(service="x" * 64))
        refuses("class", self.control.PinTier, pin(task_class="x" * 64))
        refuses("tier", self.control.PinTier, pin(tier=policy_pb2.TIER_UNSPECIFIED))
        refuses("tier", self.control.PinTier, pin(tier=5))
        refuses("comment", self.control.PinTier, pin(comment="x" * 1025))
        for seconds, nanos in ((0, 0), (0, 999_999_999), (86_400, 1), (-5, 0), (1, -1), (2**62, 0)):
            refuses("ttl", self.control.PinTier, pin(ttl=duration_pb2.Duration(seconds=seconds, nanos=nanos)))
        refuses("service", self.control.Unpin, unpin(service=""))
        refuses("service: has control", self.control.PinTier, pin(service="shop\n[error] a line of my own"))
        refuses("class: has control", self.control.PinTier, pin(task_class="\x1b[2J"))
        newer = b"\xf8\x3f\x01"  # field 1023
        refuses("number 1023", self.control.PinTier, pb.PinTierRequest.FromString(pin().SerializeToString() + newer))
        refuses("number 1023", self.control.Unpin, pb.UnpinRequest.FromString(unpin().SerializeToString() + newer))
        refuses("number 1023", self.control.SetEnforcement, pb.SetEnforcementRequest.FromString(b"\x08\x01" + newer))
        self.pulsed.says(r'audit: uid \d+: PinTier "shop" "render" at \?: INVALID_ARGUMENT: tier')
        refuses("enforcement", self.control.SetEnforcement, pb.SetEnforcementRequest())
        refuses("enforcement", self.control.SetEnforcement, pb.SetEnforcementRequest(enforcement=4))
        refuses("comment", self.control.SetEnforcement, pb.SetEnforcementRequest(enforcement=1, comment="\a"))

    def test_the_emergency_stop_is_a_revision_that_no_rule_exceeds(self):
        rule = policy_pb2.Rule(match=policy_pb2.Match(service="shop"), enforcement=policy_pb2.ENFORCEMENT_ENFORCE)
        policy = policy_pb2.Policy(enforcement=policy_pb2.ENFORCEMENT_ENFORCE, rules=[rule])
        rule_set = self.policy.Update(policy_pb2.UpdatePolicyRequest(policy=policy), timeout=PATIENCE)
        stopped = self.control.SetEnforcement(
            pb.SetEnforcementRequest(enforcement=policy_pb2.ENFORCEMENT_OBSERVE, comment="stop"), timeout=PATIENCE)
        state = stopped.policy
        self.assertEqual(state.policy.enforcement, policy_pb2.ENFORCEMENT_OBSERVE)
        self.assertEqual(state.policy.enforcement_limit, policy_pb2.ENFORCEMENT_OBSERVE)
        self.assertEqual(state.policy.rules, rule_set.policy.rules)
        self.assertEqual((state.revision.revision, state.revision.comment), (3, "stop"))
        self.assertEqual(self.pulsed.stop(), 0)
        self.pulsed.start()
        after = self.pulsed.api().policy.Get(policy_pb2.GetPolicyRequest(), timeout=PATIENCE)
        self.assertEqual(after, state)
        control = self.pulsed.api().control
        lifted = control.SetEnforcement(pb.SetEnforcementRequest(enforcement=policy_pb2.ENFORCEMENT_ENFORCE),
                                        timeout=PATIENCE).policy.policy
        self.assertEqual(lifted.enforcement_limit, policy_pb2.ENFORCEMENT_ENFORCE)


if __name__ == "__main__":
    unittest.main()
