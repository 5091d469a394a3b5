"""Who is let in by which socket, and what becomes of those who abuse it."""
import os
import select
import socket
import stat
import subprocess
import sys
import time
import unittest

import grpc
from pulsed.v1 import control_pb2, monitor_pb2, policy_pb2 as pb

from api_daemon import PATIENCE, ApiTest, eventually

Code = grpc.StatusCode
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NOBODY = 65534
as_root = unittest.skipUnless(os.geteuid() == 0, "needs root: it connects as other users")

# Connects, says nothing, and tells what comes back.
SILENT_CLIENT = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
s = socket.socket(socket.AF_UNIX)
s.settimeout(float(sys.argv[3]))
try:
    s.connect(sys.argv[1])
    print("said:" + repr(s.recv(1)))
except TimeoutError:
    print("open")
except OSError as e:
    print(e.strerror)
"""

# Asks for the policy, and for a change of it.
CALLING_CLIENT = """
import os, sys
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
import grpc
from pulsed.v1 import policy_pb2, policy_pb2_grpc
api = policy_pb2_grpc.PolicyServiceStub(grpc.insecure_channel("unix:" + sys.argv[1]))
for method, request in ((api.Get, policy_pb2.GetPolicyRequest()),
                        (api.Update, policy_pb2.UpdatePolicyRequest(policy=policy_pb2.Policy(), comment="mine"))):
    try:
        method(request, timeout=float(sys.argv[3]))
        print("OK")
    except grpc.RpcError as e:
        print(e.code().name)
"""


def as_user(script, path, uid, patience=PATIENCE):
    run = subprocess.run([sys.executable, "-B", "-c", script, path, str(uid), str(patience)], stdout=subprocess.PIPE,
                         text=True, timeout=4 * PATIENCE, check=True)
    return run.stdout.split()


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class SocketTest(ApiTest):
    def connect(self, path):
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.settimeout(PATIENCE)
        connection.connect(path)
        return connection


class LettingIn(SocketTest):
    def test_everybody_may_read_and_the_admin_directory_is_ours(self):
        pulsed = self.daemon()
        self.assertEqual(mode(pulsed.read_socket), 0o666)
        self.assertEqual(mode(os.path.dirname(pulsed.admin_socket)), 0o700)

    def test_the_reading_socket_changes_nothing_and_says_which_does(self):
        pulsed = self.daemon()
        api = pulsed.api(pulsed.read_socket)
        for method, request in (
                (api.policy.Update, pb.UpdatePolicyRequest(policy=pb.Policy(enforcement=9))),
                (api.policy.Update, pb.UpdatePolicyRequest(validate_only=True)),
                (api.policy.Rollback, pb.RollbackPolicyRequest(revision=1)),
                (api.control.PinTier, control_pb2.PinTierRequest()),
                (api.control.Unpin, control_pb2.UnpinRequest()),
                (api.control.SetEnforcement, control_pb2.SetEnforcementRequest(enforcement=1))):
            self.assertIn(pulsed.admin_socket, self.refused(Code.PERMISSION_DENIED, method, request))
        self.assertEqual(api.policy.Get(pb.GetPolicyRequest()).revision.revision, 1)
        pulsed.says(r"audit: uid \d+: SetEnforcement observe: PERMISSION_DENIED")

    @as_root
    def test_who_has_no_right_is_closed_before_a_byte_is_read(self):
        pulsed = self.daemon()
        os.chmod(os.path.dirname(pulsed.admin_socket), 0o755)
        self.assertEqual(as_user(SILENT_CLIENT, pulsed.admin_socket, NOBODY), ["said:b''"])
        pulsed.says(f"admin/api.sock: a connection of uid {NOBODY} was closed: has no right to it")
        self.assertEqual(as_user(CALLING_CLIENT, pulsed.admin_socket, NOBODY), ["UNAVAILABLE", "UNAVAILABLE"])
        self.assertEqual(as_user(CALLING_CLIENT, pulsed.read_socket, NOBODY), ["OK", "PERMISSION_DENIED"])
        pulsed.says(f"audit: uid {NOBODY}: Update")
        # Root, who is let in, is not closed though it says nothing either.
        self.assertEqual(as_user(SILENT_CLIENT, pulsed.admin_socket, 0, 0.5), ["open"])

    @as_root
    def test_who_the_configuration_names_may_change_things(self):
        pulsed = self.daemon(config=f"api: {{admin_uids: [{NOBODY}]}}")
        self.assertEqual(mode(os.path.dirname(pulsed.admin_socket)), 0o711)
        self.assertEqual(as_user(CALLING_CLIENT, pulsed.admin_socket, NOBODY), ["OK", "OK"])
        self.assertEqual(as_user(SILENT_CLIENT, pulsed.admin_socket, NOBODY - 1), ["said:b''"])
        newest = pulsed.api().policy.ListRevisions(pb.ListRevisionsRequest()).revisions[0]
        self.assertEqual((newest.author.uid, newest.comment), (NOBODY, "mine"))
        pulsed.says(f'audit: uid {NOBODY}: Update, "mine": revision 2')

    @as_root
    def test_one_user_cannot_take_every_connection(self):
        pulsed = self.daemon()
        script = SILENT_CLIENT.replace("s = socket", "kept = [socket.socket(socket.AF_UNIX) for _ in range(40)]\n"
                                       "for k in kept: k.connect(sys.argv[1]); k.settimeout(float(sys.argv[3]))\ns = socket", 1)
        self.assertEqual(as_user(script, pulsed.read_socket, NOBODY), ["said:b''"])
        pulsed.says(f"a connection of uid {NOBODY} was closed: there are too many connections")
        self.assertTrue(pulsed.answers())

    def test_connections_are_bounded_and_come_free_again(self):
        pulsed = self.daemon()
        kept = [self.connect(pulsed.read_socket) for _ in range(128)]
        over = self.connect(pulsed.read_socket)
        self.assertEqual(over.recv(1), b"")
        for connection in kept:
            connection.close()
        eventually(lambda: self.reads(pulsed), "closed connections still count")

    def reads(self, pulsed):
        with pulsed.connected(pulsed.read_socket) as api:
            try:
                return api.monitor.GetStatus(monitor_pb2.GetStatusRequest(), timeout=1).ready
            except grpc.RpcError:
                return False

    def test_connections_that_were_served_come_free_again(self):
        pulsed = self.daemon()
        for _ in range(300):
            with pulsed.connected(pulsed.read_socket) as api:
                api.policy.Get(pb.GetPolicyRequest(), timeout=PATIENCE)


class Misbehaving(SocketTest):
    def setUp(self):
        self.pulsed = self.daemon()

    def ends(self, connection):
        """Reads to its end."""
        try:
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass

    def test_who_says_nothing_is_closed(self):
        for path in (self.pulsed.read_socket, self.pulsed.admin_socket):
            begin = time.monotonic()
            self.assertEqual(self.connect(path).recv(1), b"")
            self.assertGreater(time.monotonic() - begin, 1)
        self.pulsed.says("api.sock: a connection of uid .* was closed: it said nothing")

    def test_who_says_half_a_greeting_is_closed(self):
        connection = self.connect(self.pulsed.read_socket)
        connection.sendall(PREFACE[:-1])
        self.ends(connection)

    def test_who_speaks_another_protocol_is_closed_at_once(self):
        connection = self.connect(self.pulsed.read_socket)
        begin = time.monotonic()
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        self.ends(connection)
        self.assertLess(time.monotonic() - begin, 4)

    def test_nonsense_after_the_greeting_ends_that_connection_alone(self):
        for nonsense in (b"\xff" * 4096, b"\0" * 4096, os.urandom(4096)):
            connection = self.connect(self.pulsed.read_socket)
            connection.sendall(PREFACE + nonsense)
            self.ends(connection)
        self.assertTrue(self.pulsed.answers())

    def test_a_greeting_in_pieces_is_a_greeting(self):
        connection = self.connect(self.pulsed.read_socket)
        for byte in PREFACE + b"\0\0\0\4\0\0\0\0\0":  # and empty settings
            connection.sendall(bytes([byte]))
        # The server's settings: a frame of type 4.
        header = connection.recv(9)
        self.assertEqual(header[3], 4)

    def test_a_message_that_is_too_big_is_refused(self):
        policy = self.pulsed.api(options=[("grpc.max_send_message_length", -1)]).policy
        request = pb.UpdatePolicyRequest(comment="x" * (1 << 20))
        self.refused(Code.RESOURCE_EXHAUSTED, policy.Update, request)
        # A little less arrives, and is judged.
        request = pb.UpdatePolicyRequest(comment="x" * ((1 << 20) - 1024))
        self.refused(Code.INVALID_ARGUMENT, policy.Update, request)

    def test_bytes_that_are_no_message_are_refused(self):
        call = self.pulsed.api().channel.unary_unary("/pulsed.v1.PolicyService/Update")
        with self.assertRaises(grpc.RpcError) as caught:
            call(b"\xff\xff\xff", timeout=PATIENCE)
        # gRPC's own word for it, which differs from version to version.
        self.assertIn(caught.exception.code(), (Code.INTERNAL, Code.UNIMPLEMENTED, Code.INVALID_ARGUMENT))
        call = self.pulsed.api().channel.unary_unary("/pulsed.v1.PolicyService/Nothing")
        self.refused(Code.UNIMPLEMENTED, call, b"")

    def test_text_that_is_none_is_refused_and_fills_no_log(self):
        call = self.pulsed.api(self.pulsed.read_socket).channel.unary_unary("/pulsed.v1.MonitorService/ListServices")
        before = len(self.pulsed.log())
        for _ in range(500):
            with self.assertRaises(grpc.RpcError):
                call(b"\x0a\x04\x0a\x02\xff\xfe", timeout=PATIENCE)  # filter.service
        self.pulsed.says("api: protobuf: ")
        self.assertLess(len(self.pulsed.log()) - before, 40_000)

    def test_a_callers_deadline_is_kept(self):
        monitor = self.pulsed.api().monitor
        self.refused(Code.DEADLINE_EXCEEDED, monitor.WatchEvents, monitor_pb2.WatchEventsRequest(), timeout=0.3)
        os.kill(self.pulsed.process.pid, 19)  # SIGSTOP
        self.addCleanup(os.kill, self.pulsed.process.pid, 18)
        self.refused(Code.DEADLINE_EXCEEDED, monitor.GetStatus, monitor_pb2.GetStatusRequest(), timeout=0.3)

    def test_watches_are_bounded_for_one_caller_and_come_free_again(self):
        monitor = self.pulsed.api(self.pulsed.read_socket).monitor
        watches = []
        for _ in range(64):
            watches.append(monitor.WatchEvents(monitor_pb2.WatchEventsRequest()))
            next(watches[-1])
        self.assertIn("too many watches", self.refused(Code.RESOURCE_EXHAUSTED, monitor.WatchEvents,
                                                       monitor_pb2.WatchEventsRequest()))
        for watch in watches:
            watch.cancel()

        def watches_again():
            watch = monitor.WatchEvents(monitor_pb2.WatchEventsRequest(), timeout=PATIENCE)
            try:
                next(watch)
                watch.cancel()
                return True
            except grpc.RpcError:
                return False
        eventually(watches_again, "places of watches that ended are still taken")

    def test_more_calls_than_a_connection_has_streams_for_wait_and_are_answered(self):
        monitor = self.pulsed.api(self.pulsed.read_socket).monitor
        calls = [monitor.ListWorkers.future(monitor_pb2.ListWorkersRequest(), timeout=PATIENCE) for _ in range(300)]
        for call in calls:
            call.result()

    def test_health_and_reflection_are_there(self):
        channel = self.pulsed.api(self.pulsed.read_socket).channel
        health = channel.unary_unary("/grpc.health.v1.Health/Check")
        self.assertEqual(health(b"", timeout=PATIENCE), b"\x08\x01")  # SERVING
        reflection = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        services = next(reflection(iter([b"\x3a\x00"]), timeout=PATIENCE))  # list_services
        for service in (b"pulsed.v1.PolicyService", b"pulsed.v1.MonitorService", b"pulsed.v1.ControlService"):
            self.assertIn(service, services)


class Stopping(SocketTest):
    def test_the_daemon_stops_with_connections_of_every_kind(self):
        pulsed = self.daemon()
        silent = self.connect(pulsed.read_socket)
        greeted = self.connect(pulsed.read_socket)
        greeted.sendall(PREFACE)
        watch = pulsed.api().monitor.WatchEvents(monitor_pb2.WatchEventsRequest())
        next(watch)
        self.assertEqual(pulsed.stop(), 0)
        for connection in (silent, greeted):
            readable, _, _ = select.select([connection], [], [], PATIENCE)
            self.assertTrue(readable)
        self.assertFalse(os.path.exists(pulsed.read_socket))
        self.assertFalse(os.path.exists(pulsed.admin_socket))

    def test_sockets_a_killed_daemon_left_are_taken_over(self):
        pulsed = self.daemon()
        pulsed.kill()
        self.assertTrue(os.path.exists(pulsed.read_socket))
        pulsed.start()
        self.assertTrue(pulsed.answers())


if __name__ == "__main__":
    unittest.main()
