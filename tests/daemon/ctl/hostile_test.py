"""Names, comments and messages that want to move the cursor, hide or turn what stands around them: in no output do they."""

import json
import os
import subprocess
import unittest

import grpc
import yaml

from ctl_case import BIN, OK, PATIENCE_S, CtlCase, Running, environment, eventually
from fake_api import FakeApi, Refusal, monitor, policy

BAD = ('\x1b[2J', '\a', '\r', '\x7f', '\u009b', '\u0085', '\u0090', '\u202e', '\u2066', '\u200b', '\u2028', '\ufeff', '\uffff')
NAME = 'a' + 'b'.join(BAD) + 'é\nc'


def named(make, *fields, **more):
    return make(**{field: NAME for field in fields}, **more)


REVISION = named(policy.Revision, 'comment', revision=3, diff=f'+x{NAME}\n', author=policy.Author(certificate=NAME))
STATE = named(policy.PolicyState, 'etag', revision=REVISION)
EVENTS = [
    named(monitor.Event, 'service', sequence=1, epoch=7, tier_changed=named(monitor.TierChanged, 'class', 'reason')),
    named(monitor.Event, 'service', sequence=2, epoch=7, poll_held=named(monitor.PollHeld, 'class', 'thread_name')),
    named(monitor.Event, 'service', sequence=3, epoch=7, held_poll_ended=named(monitor.HeldPollEnded, 'class', 'thread_name')),
    named(monitor.Event, 'service', sequence=4, epoch=7, pin_changed=named(monitor.PinChanged, 'class')),
]


def watch_events(request):
    if not request.epoch:
        yield monitor.WatchEventsResponse(snapshot=monitor.EventsSnapshot(sequence=len(EVENTS), epoch=7))
    for event in EVENTS:
        yield monitor.WatchEventsResponse(event=event)


def watch_policy(request):
    yield STATE
    raise Refusal(grpc.StatusCode.INTERNAL, NAME)


ANSWERS = {
    'GetStatus': named(monitor.Status, 'version', 'run_dir', 'state_dir'),
    'ListServices': monitor.ListServicesResponse(services=[named(monitor.ServiceInfo, 'service', 'abi')]),
    'ListClasses': monitor.ListClassesResponse(classes=[named(monitor.ClassInfo, 'service', 'class')]),
    'ListTasks': monitor.ListTasksResponse(tasks=[named(monitor.TaskInfo, 'service', 'class')]),
    'ListWorkers': monitor.ListWorkersResponse(workers=[
        named(monitor.WorkerInfo, 'service', 'thread_name', in_flight=named(monitor.InFlightPoll, 'class'))]),
    'WatchEvents': watch_events,
    'Get': STATE,
    'ListRevisions': policy.ListRevisionsResponse(revisions=[REVISION]),
    'Watch': watch_policy,
    'Update': Refusal(grpc.StatusCode.ABORTED, NAME),
    'Rollback': Refusal(grpc.StatusCode.ABORTED, NAME),
    'PinTier': Refusal(grpc.StatusCode.INVALID_ARGUMENT, NAME),
    'Unpin': Refusal(grpc.StatusCode.NOT_FOUND, NAME),
    'SetEnforcement': Refusal(grpc.StatusCode.PERMISSION_DENIED, NAME),
}
SHOWN = [['status'], ['services'], ['classes'], ['tasks'], ['workers'], ['events'], ['policy', 'get'], ['policy', 'history'],
         ['policy', 'history', '--diff'], ['policy', 'watch'], ['check']]
REFUSED = [['pin', '--service', 's', 'warn'], ['unpin', '--service', 's'], ['enforcement', 'shadow'], ['policy', 'rollback', '2'],
           [NAME], ['status', '--' + NAME], ['policy', 'validate', NAME]]


class Played(CtlCase):
    def setUp(self):
        super().setUp()
        api = FakeApi(self.run_dir, ANSWERS)
        self.addCleanup(api.close)

    def said(self, *arguments):
        """stdout, after both were looked through."""
        done = self.ctl(*arguments)
        for text in (done.stdout, done.stderr):
            self.assertEqual([ascii(bad) for bad in BAD if bad in text], [], ascii(text))
        self.assertTrue(done.stdout or done.stderr)
        return done.stdout

    def test_tables_and_messages(self):
        for command in SHOWN + REFUSED:
            with self.subTest(command):
                self.said(*command)
        self.assertIn('é', self.said('services'))

    def test_frames_of_top(self):
        for view in ('services', 'classes', 'workers'):
            with self.subTest(view):
                self.assertIn('é', self.said('top', '-n', '1', '-d', '0.1', '--view', view))

    def test_json_and_yaml_are_valid_and_say_the_name_as_it_is(self):
        for command in SHOWN:
            with self.subTest(command):
                text = self.said(*command, '-o', 'json')
                lines = text.splitlines() if command[-1] in ('events', 'watch') else [text]
                self.assertIn(json.dumps(NAME)[1:-1], ''.join(json.dumps(json.loads(line)) for line in lines))
                documents = list(yaml.safe_load_all(self.said(*command, '-o', 'yaml')))
                if command != ['policy', 'get']:  # which is the policy, and says who made it in a comment
                    self.assertIn(json.dumps(NAME)[1:-1], json.dumps(documents))

    def test_a_conflict_says_who_was_faster(self):
        self.said('policy', 'set', self.file('p.yaml', 'profile: permissive\n'))


class Real(CtlCase):
    """A service may call itself what it likes; no other loses sight of its own."""

    def test_a_service_whose_name_is_no_text(self):
        self.start()
        self.service('shop', 'checkout/pay')
        evil = Running([BIN / 'tests/integration_service', self.run_dir, os.fsdecode(b'ev\xff\xc2\x9b2Jil'), '1'])
        self.addCleanup(evil.close)
        eventually(lambda: len(self.json('services')['services']) == 2, 'it attaches')
        self.assertEqual([each['service'] for each in self.json('services')['services']], ['ev???2Jil', 'shop'])
        evil.close()
        eventually(lambda: len(self.json('services')['services']) == 1, 'it detaches')
        self.assertIn('ev???2Jil', self.good('events'))
        done = subprocess.run(self.command('top', '-n', '1', '-d', '0.1'), capture_output=True, text=True, timeout=PATIENCE_S,
                              stdin=subprocess.DEVNULL, env=environment())
        self.assertEqual(done.returncode, OK, done.stderr)


if __name__ == '__main__':
    unittest.main()
