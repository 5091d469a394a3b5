"""When pulsed cannot be reached, lets nobody in, is another version, or refuses: what is said, and the exit code."""

import json
import os
import socket
import subprocess
import threading
import unittest

import grpc

from ctl_case import BIN, CONFLICT, FAILED, NO_RIGHT, OK, PATIENCE_S, UNREACHABLE, USAGE, CtlCase, environment
from fake_api import FakeApi, Refusal, control, monitor, policy

NOBODY = 65534


class Unreachable(CtlCase):
    def test_without_a_run_directory_it_asks_whether_pulsed_runs(self):
        said = self.refused(UNREACHABLE, 'status')
        self.assertIn(f'{self.run_dir}: no such directory; is pulsed running?', said)

    def test_every_command_that_asks_the_daemon_ends_alike(self):
        file = self.file('policy.yaml', 'profile: permissive\n')
        for command in (['services'], ['classes'], ['tasks'], ['workers'], ['events'], ['events', '-f'], ['policy', 'get'],
                        ['policy', 'set', file], ['policy', 'edit'], ['policy', 'diff'], ['policy', 'history'],
                        ['policy', 'rollback', '1'], ['policy', 'explain', '--service', 's'], ['policy', 'watch'],
                        ['pin', '--service', 's', 'warn'], ['unpin', '--service', 's'], ['enforcement', 'observe']):
            with self.subTest(command):
                self.refused(UNREACHABLE, *command)

    def test_a_socket_that_is_missing_or_left_behind_is_named(self):
        self.run_dir.mkdir()
        self.assertIn(f'{self.run_dir}/api.sock: no such socket', self.refused(UNREACHABLE, 'status'))
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(self.run_dir / 'api.sock'))
        self.assertIn('connection refused; its pulsed is gone', self.refused(UNREACHABLE, 'status'))

    def test_a_daemon_that_does_not_answer_is_waited_for_no_longer_than_asked(self):
        self.run_dir.mkdir()
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(self.run_dir / 'api.sock'))
            silent.listen()
            for command in (['status'], ['events'], ['events', '-f']):
                self.assertIn('no answer within 300ms', self.refused(UNREACHABLE, *command, '--timeout', '300ms'))
            # gRPC gives up the connection before that.
            self.assertIn('no answer; is pulsed stopped or overloaded?', self.refused(UNREACHABLE, 'status', '--timeout', '20s'))

    def test_the_run_directory_may_come_from_the_environment(self):
        done = subprocess.run([BIN / 'pulsectl', 'status'], env=environment(PULSED_RUN_DIR=str(self.run_dir)), timeout=PATIENCE_S,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, UNREACHABLE)
        self.assertIn(str(self.run_dir), done.stderr)

    def test_an_address_is_checked_before_anything_is_sent(self):
        def says(text, *arguments):
            done = subprocess.run([BIN / 'pulsectl', 'status', *arguments], env=environment(), capture_output=True, text=True,
                                  timeout=PATIENCE_S)
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertIn(text, done.stderr)
        says('host:port', '--address', 'localhost')
        says('host:port', '--address', '::1:99')
        says('is another machine', '--address', '192.0.2.1:10858')
        says('exclude each other', '--address', '127.0.0.1:1', '--run-dir', '/run/pulsed')
        says('missing: --tls-cert, --tls-key', '--address', '127.0.0.1:1', '--tls-ca', '/dev/null')
        says('no such file', '--address', '127.0.0.1:1', '--tls-ca', '/no', '--tls-cert', '/no', '--tls-key', '/no')
        says('only with --address', '--run-dir', '/tmp', '--tls-ca', '/no')
        says('--timeout', '--timeout', '5 minutes')

    def test_nobody_listens_at_the_address(self):
        with socket.socket() as bound:
            bound.bind(('127.0.0.1', 0))
            done = subprocess.run([BIN / 'pulsectl', '--address', '127.0.0.1:%d' % bound.getsockname()[1], 'status'],
                                  env=environment(), capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, UNREACHABLE)
        self.assertIn('does pulsed listen there', done.stderr)


@unittest.skipUnless(os.geteuid() == 0, 'needs root, to be somebody else')
class OtherUsers(CtlCase):
    """Whoever may read and may not change."""

    def as_nobody(self, code, *arguments):
        return self.refused(code, *arguments, user=NOBODY, group=NOBODY, extra_groups=())

    def test_the_admin_directory_lets_nobody_else_in(self):
        self.start()
        self.assertEqual(self.ctl('status', user=NOBODY, group=NOBODY, extra_groups=()).returncode, OK)
        said = self.as_nobody(NO_RIGHT, 'enforcement', 'observe')
        self.assertIn(f'{self.run_dir}/admin/api.sock: permission denied to uid {NOBODY}', said)
        self.assertIn('sudo', said)
        self.as_nobody(NO_RIGHT, 'policy', 'rollback', '1')
        checks = {each['check']: each for each in json.loads(
            self.ctl('check', '-o', 'json', user=NOBODY, group=NOBODY, extra_groups=()).stdout)}
        self.assertEqual((checks['reading']['verdict'], checks['changing']['verdict']), ('ok', 'warn'))
        self.assertEqual(self.json('status')['policy_revision'], '1')

    def test_a_uid_that_is_not_named_is_dismissed(self):
        self.config = 'api: {admin_uids: [12345]}'
        self.start()
        self.assertIn(f'does not let uid {NOBODY} in', self.as_nobody(NO_RIGHT, 'enforcement', 'observe'))

    def test_a_run_directory_that_cannot_be_passed_is_told(self):
        self.start()
        self.run_dir.chmod(0o700)
        self.assertIn(f'permission denied to uid {NOBODY}', self.as_nobody(NO_RIGHT, 'status'))


class Tcp(CtlCase):
    def certificates(self):
        """A CA, the daemon's certificate, and one of alice."""
        def openssl(*arguments):
            subprocess.run(['openssl', *arguments], cwd=self.folder, check=True, capture_output=True, timeout=60)
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out',
                'ca.crt', '-subj', '/CN=tests', '-days', '2')
        self.file('names', 'subjectAltName=IP:127.0.0.1')
        for name in ('pulsed', 'alice', 'bob'):
            openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{name}.key', '-out',
                    f'{name}.csr', '-subj', f'/CN={name}')
            openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out',
                    f'{name}.crt', '-days', '2', *(('-extfile', 'names') if name == 'pulsed' else ()))

    def port(self):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            return free.getsockname()[1]

    def over_tcp(self, port, *arguments, name=None, **variables):
        tls = ['--tls-ca', 'ca.crt', '--tls-cert', f'{name}.crt', '--tls-key', f'{name}.key'] if name else []
        return subprocess.run([BIN / 'pulsectl', '--address', f'127.0.0.1:{port}', *tls, *arguments], cwd=self.folder,
                              env=environment(**variables), capture_output=True, text=True, timeout=PATIENCE_S)

    def test_plain_tcp_of_this_machine_reads_and_changes_nothing(self):
        port = self.port()
        self.config = f'api: {{tcp: "127.0.0.1:{port}"}}'
        self.start()
        self.assertEqual(self.over_tcp(port, 'status').returncode, OK)
        self.assertEqual(self.over_tcp(port, 'enforcement', 'observe').returncode, NO_RIGHT)
        checks = {each['check'] for each in json.loads(self.over_tcp(port, 'check', '-o', 'json').stdout)}
        self.assertTrue({'reading', 'changing', 'demotion', 'loop priority'} <= checks)
        self.assertNotIn('state directory', checks, 'of a machine that may be another')

    @unittest.skipUnless(subprocess.run(['sh', '-c', 'command -v openssl'], capture_output=True).returncode == 0,
                         'needs openssl, to make certificates')
    def test_with_certificates_admins_change_and_others_read(self):
        self.certificates()
        port = self.port()
        self.config = (f'api:\n  tcp: "127.0.0.1:{port}"\n  tls: {{certificate: {self.folder}/pulsed.crt, key: '
                       f'{self.folder}/pulsed.key, client_ca: {self.folder}/ca.crt}}\n  admins: [alice]')
        self.start()
        self.assertEqual(self.over_tcp(port, 'status', name='bob').returncode, OK)
        self.assertEqual(self.over_tcp(port, 'enforcement', 'observe', name='bob').returncode, NO_RIGHT)
        done = self.over_tcp(port, 'enforcement', 'observe', name='alice')
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn('certificate alice', self.good('policy', 'history'))
        self.assertEqual(self.over_tcp(port, 'status').returncode, UNREACHABLE, 'without a certificate')
        by_environment = self.over_tcp(port, 'status', PULSED_TLS_CA='ca.crt', PULSED_TLS_CERT='bob.crt', PULSED_TLS_KEY='bob.key')
        self.assertEqual(by_environment.returncode, OK, by_environment.stderr)


class Played(CtlCase):
    """Against a daemon that is played."""

    def play(self, **answers):
        api = FakeApi(self.run_dir, answers)
        self.addCleanup(api.close)
        return api

    def test_a_daemon_of_another_version_is_named(self):
        self.play(GetStatus=monitor.Status(version='9.8.7'))
        said = self.refused(FAILED, 'classes')
        self.assertRegex(said, r'this is pulsectl \S+, and pulsed 9\.8\.7 does not know')
        self.assertIn('9.8.7 (pulsectl is ', self.good('status'))

    def test_a_server_that_is_no_pulsed_is_told(self):
        self.play()
        self.assertIn('does not speak pulsed.v1', self.refused(FAILED, 'status'))

    def test_a_full_disk_is_the_daemons_answer_and_not_an_unreachable_daemon(self):
        state = policy.PolicyState(etag='1', revision=policy.Revision(revision=1))
        self.play(Get=state, Update=Refusal(grpc.StatusCode.UNAVAILABLE, 'not stored: No space left on device'))
        said = self.refused(FAILED, 'policy', 'set', self.file('p.yaml', 'profile: permissive\n'))
        self.assertIn('No space left on device', said)

    def test_a_field_that_is_refused_is_named(self):
        state = policy.PolicyState(etag='1', revision=policy.Revision(revision=1))
        self.play(Get=state, Update=Refusal(grpc.StatusCode.INVALID_ARGUMENT, 'rules[0].set.window: 25h is too long'))
        self.assertIn('rules[0].set.window', self.refused(FAILED, 'policy', 'set', self.file('p.yaml', 'profile: permissive\n')))

    def test_a_conflict_whose_winner_cannot_be_read_says_what_the_daemon_said(self):
        states = [policy.PolicyState(etag='1', revision=policy.Revision(revision=1))]
        self.play(Get=lambda request: states.pop() if states else (_ for _ in ()).throw(
                      Refusal(grpc.StatusCode.INTERNAL, 'no')),
                  Update=Refusal(grpc.StatusCode.ABORTED, 'the etag is stale'))
        self.assertIn('the etag is stale', self.refused(CONFLICT, 'policy', 'set', self.file('p.yaml', 'profile: permissive\n')))

    def test_a_change_without_an_answer_leaves_no_one_in_false_certainty(self):
        ended = threading.Event()
        self.addCleanup(ended.set)
        self.play(SetEnforcement=lambda request: ended.wait(PATIENCE_S) and control.SetEnforcementResponse())
        said = self.refused(UNREACHABLE, 'enforcement', 'observe', '--timeout', '300ms')
        self.assertIn('Whether the change was made is not known', said)

    def test_what_was_left_out_is_told(self):
        self.play(ListTasks=lambda request: monitor.ListTasksResponse(left_out=request.limit))
        self.assertIn('7 more were left out', self.ctl('tasks', '--limit', '7').stderr)

    def test_follow_reads_on_where_it_was_dropped_and_tells_of_what_it_missed(self):
        asked = []

        def watch(request):
            asked.append(request.resume_after)
            if not request.epoch:
                yield monitor.WatchEventsResponse(snapshot=monitor.EventsSnapshot(sequence=90 if len(asked) > 4 else 0, epoch=7))
            elif request.resume_after == 0:
                yield monitor.WatchEventsResponse(event=monitor.Event(sequence=4, epoch=7, service='first'))
                raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, 'too slow')
            elif request.resume_after == 4:
                yield monitor.WatchEventsResponse(event=monitor.Event(sequence=5, epoch=7, service='second'))
                raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, 'too slow')
            elif request.resume_after == 5:
                raise Refusal(grpc.StatusCode.OUT_OF_RANGE, 'no longer kept')
            else:
                yield monitor.WatchEventsResponse(event=monitor.Event(sequence=91, epoch=7, service='third'))
                raise Refusal(grpc.StatusCode.INTERNAL, 'enough')

        self.play(WatchEvents=watch)
        follow = self.following('events', '-f', '-o', 'json')
        self.assertEqual(follow.ended(), FAILED)
        self.assertEqual([json.loads(line)['service'] for line in follow.out.splitlines()], ['first', 'second', 'third'])
        self.assertEqual(asked, [0, 0, 4, 5, 0, 90])
        self.assertIn('up to 85 that are no longer kept', follow.err)
        self.assertIn('enough', follow.err)


if __name__ == '__main__':
    unittest.main()
