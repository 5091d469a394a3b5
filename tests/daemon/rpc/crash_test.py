"""Who was told that a change is stored finds it in force, whenever the daemon was killed."""
import os
import signal
import tempfile
import unittest

import grpc
from pulsed.v1 import policy_pb2 as pb

from api_daemon import PATIENCE, ApiTest

Code = grpc.StatusCode
FAILPOINTS = os.environ.get("PULSED_FAILPOINTS_LIBRARY", "")
# What storing a revision does: open, write, fsync, rename, fsync of the directory; write and fsync of the mark that it is
# acknowledged; and unlink of the oldest.
CALLS = 8
TRIALS = 100 if "PULSED_TEST_FULL" in os.environ else 3
DISK_FULL = 28


def policy(number):
    return pb.Policy(defaults=pb.TierFields(reports_per_minute=number))


class KilledWhileStoring(ApiTest):
    def setUp(self):
        self.assertTrue(os.path.exists(FAILPOINTS), "PULSED_FAILPOINTS_LIBRARY names no library")
        self.plans = 0
        directory = tempfile.TemporaryDirectory(prefix="pulsed-plan-")
        self.addCleanup(directory.cleanup)
        self.plan_file = directory.name + "/plan"
        self.pulsed = self.daemon(environment={"LD_PRELOAD": FAILPOINTS, "PULSED_FAILPOINTS": self.plan_file})
        # The oldest is removed only where there are as many as are kept.
        for number in range(100):
            self.update(number)

    def plan(self, call, action):
        """See tests/daemon/revisions/failpoints.c."""
        self.plans += 1
        with open(self.plan_file + ".new", "w") as file:
            file.write(f"{self.plans} {call} {action} {self.pulsed.state_dir}")
        os.rename(self.plan_file + ".new", self.plan_file)

    def update(self, number):
        return self.pulsed.api().policy.Update(pb.UpdatePolicyRequest(policy=policy(number)), timeout=PATIENCE)

    def in_force(self):
        state = self.pulsed.api().policy.Get(pb.GetPolicyRequest(), timeout=PATIENCE)
        return state.revision.revision, state.policy.defaults.reports_per_minute

    def test_the_last_change_that_was_acknowledged_is_in_force_after_a_restart(self):
        acknowledged = self.update(1000)
        number = 1000
        for trial in range(TRIALS):
            for call in range(1, CALLS + 1):
                number += 1
                self.plan(call, "torn" if call in (2, 6) and trial % 2 else "kill")
                with self.assertRaises(grpc.RpcError) as caught:
                    self.update(number)
                self.assertEqual(caught.exception.code(), Code.UNAVAILABLE)
                self.assertEqual(self.pulsed.process.wait(PATIENCE), -signal.SIGKILL)
                os.remove(self.plan_file)
                self.pulsed.start()
                # Not acknowledged, it is there as a whole, or not at all.
                revision = acknowledged.revision.revision
                before = acknowledged.policy.defaults.reports_per_minute
                self.assertIn(self.in_force(), ((revision, before), (revision + 1, number)), f"call {call}")
                acknowledged = self.update(number)
                self.assertEqual(self.in_force(), (acknowledged.revision.revision, number))

    def test_what_the_disk_refuses_is_unavailable_and_changes_nothing(self):
        before = self.in_force()
        for call in range(1, 5):
            self.plan(call, f"{DISK_FULL}+")
            message = self.refused(Code.UNAVAILABLE, self.pulsed.api().policy.Update,
                                   pb.UpdatePolicyRequest(policy=policy(7)))
            self.assertIn("No space left", message)
            self.assertEqual(self.in_force(), before)
            os.remove(self.plan_file)
        self.pulsed.says(r"audit: uid \d+: Update: UNAVAILABLE: .*No space left")
        self.assertEqual(self.update(8).policy.defaults.reports_per_minute, 8)


if __name__ == "__main__":
    unittest.main()
