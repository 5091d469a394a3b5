import os
import tempfile
import unittest
from pathlib import Path

from scenarios.processes import Process, ProcessFailed


class Children(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.log = Path(folder.name) / 'log'

    def child(self, script):
        return Process('child', ['/bin/sh', '-c', script], self.log)

    def test_what_a_child_prints_is_found(self):
        with self.child('echo listening on 42; exec sleep 60') as child:
            self.assertEqual(child.wait_for_line(r'listening on (\d+)$', 10).group(1), '42')
            self.assertGreaterEqual(child.cpu_seconds(), 0.0)

    def test_a_child_that_ended_by_itself_is_a_failure_with_its_last_words(self):
        with self.child('echo no such thing; exit 3') as child:
            with self.assertRaisesRegex(ProcessFailed, '(?s)exit status 3.*no such thing'):
                child.wait_for_line('never', 10)

    def test_a_child_stops_on_sigterm(self):
        with self.child('trap "exit 0" TERM; echo up; while :; do sleep 0.05; done') as child:
            child.wait_for_line('up', 10)
            child.stop(10)

    def test_a_child_killed_by_sigterm_did_not_stop_cleanly(self):
        with self.child('echo up; exec sleep 60') as child:
            child.wait_for_line('up', 10)
            with self.assertRaisesRegex(ProcessFailed, 'SIGTERM'):
                child.stop(10)

    def test_no_child_outlives_its_scope(self):
        with self.child('trap "" TERM; echo up; while :; do sleep 0.05; done') as child:
            child.wait_for_line('up', 10)
            pid = child.pid
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)


if __name__ == '__main__':
    unittest.main()
