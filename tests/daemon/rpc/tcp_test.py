"""The API over TCP: reading on this machine, and everything for who shows the right certificate."""
import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

import grpc
from pulsed.v1 import control_pb2, monitor_pb2, policy_pb2 as pb

from api_daemon import PATIENCE, Api, ApiTest, Daemon

Code = grpc.StatusCode


class Certificates:
    """An authority and what it signs, made with openssl."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.certificate, self.key = self.path(name, "crt"), self.path(name, "key")
        self.openssl("req", "-x509", *self.new_key(name), "-subj", "/CN=" + name, "-out", self.certificate, "-days", "2")

    def path(self, name, kind):
        return f"{self.directory}/{self.name}-{name}.{kind}"

    def new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.path(name, "key"))

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sign(self, name, subject=None):
        """The files of a new certificate and its key."""
        request, extensions = self.path(name, "csr"), self.path(name, "ext")
        with open(extensions, "w") as file:
            file.write("subjectAltName=IP:127.0.0.1\n")
        self.openssl("req", *self.new_key(name), "-subj", subject or "/CN=" + name, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                     "-extfile", extensions, "-out", self.path(name, "crt"), "-days", "2")
        return self.path(name, "crt"), self.path(name, "key")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def port_of(daemon):
    return int(daemon.says(r"gRPC on 127\.0\.0\.1:(\d+)").group(1))


class OverLoopback(ApiTest):
    def test_it_is_off_unless_it_is_asked_for(self):
        self.assertNotIn("gRPC on", self.daemon().log())

    def test_without_tls_everything_can_be_read_and_nothing_changed(self):
        pulsed = self.daemon(config='api: {tcp: "127.0.0.1:0"}')
        channel = grpc.insecure_channel(f"127.0.0.1:{port_of(pulsed)}")
        self.addCleanup(channel.close)
        api = Api(channel)
        self.assertTrue(api.monitor.GetStatus(monitor_pb2.GetStatusRequest(), timeout=PATIENCE).ready)
        self.assertEqual(api.policy.Get(pb.GetPolicyRequest(), timeout=PATIENCE).revision.revision, 1)
        self.assertIn(pulsed.admin_socket, self.refused(Code.PERMISSION_DENIED, api.policy.Update,
                                                        pb.UpdatePolicyRequest()))
        self.refused(Code.PERMISSION_DENIED, api.control.SetEnforcement,
                     control_pb2.SetEnforcementRequest(enforcement=1))
        pulsed.says("audit: somebody over TCP: SetEnforcement observe: PERMISSION_DENIED")

    def test_a_silent_connection_is_closed(self):
        pulsed = self.daemon(config='api: {tcp: "127.0.0.1:0"}')
        with socket.create_connection(("127.0.0.1", port_of(pulsed)), PATIENCE) as connection:
            self.assertEqual(connection.recv(1), b"")

    def test_an_address_open_to_others_needs_tls(self):
        with self.assertRaisesRegex(AssertionError, "it needs `tls`"):
            self.daemon(config='api: {tcp: "0.0.0.0:0"}')

    def test_a_port_that_is_taken_ends_the_start_with_a_reason(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(AssertionError, f"cannot listen on 127.0.0.1:{port}: Address already in use"):
                self.daemon(config=f'api: {{tcp: "127.0.0.1:{port}"}}')


@unittest.skipUnless(shutil.which("openssl"), "needs openssl, which makes the certificates")
class OverTls(ApiTest):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.mkdtemp(prefix="pulsed-tls-")
        cls.addClassCleanup(shutil.rmtree, directory)
        cls.servers = Certificates(directory, "servers")
        cls.clients = Certificates(directory, "clients")
        cls.strangers = Certificates(directory, "strangers")
        cls.certificate, cls.key = cls.servers.sign("pulsed")
        cls.tls = f"tls: {{certificate: {cls.certificate}, key: {cls.key}, client_ca: {cls.clients.certificate}}}"
        cls.pulsed = Daemon(config=f'api: {{tcp: "127.0.0.1:0", admins: [alice], {cls.tls}}}')
        cls.addClassCleanup(cls.pulsed.close)
        cls.port = port_of(cls.pulsed)

    def api(self, certificate=None, key=None):
        credentials = grpc.ssl_channel_credentials(read(self.servers.certificate), key and read(key),
                                                   certificate and read(certificate))
        channel = grpc.secure_channel(f"127.0.0.1:{self.port}", credentials, [("grpc.use_local_subchannel_pool", 1)])
        self.addCleanup(channel.close)
        return Api(channel)

    def reads(self, api):
        return api.monitor.GetStatus(monitor_pb2.GetStatusRequest(), timeout=PATIENCE).ready

    def changes(self, api, comment):
        return api.policy.Update(pb.UpdatePolicyRequest(policy=pb.Policy(), comment=comment), timeout=PATIENCE)

    def test_the_common_name_of_an_admin_may_change_things(self):
        api = self.api(*self.clients.sign("alice"))
        self.assertTrue(self.reads(api))
        made = self.changes(api, "from afar")
        self.assertEqual(made.revision.author.certificate, "alice")
        self.pulsed.says('audit: certificate alice: Update, "from afar": revision ')
        watch = api.policy.Watch(pb.WatchPolicyRequest(), timeout=PATIENCE)
        self.assertEqual(next(watch), made)
        watch.cancel()

    def test_another_name_may_read_alone(self):
        api = self.api(*self.clients.sign("bob"))
        self.assertTrue(self.reads(api))
        message = self.refused(Code.PERMISSION_DENIED, api.policy.Update, pb.UpdatePolicyRequest(comment="bobs"))
        self.assertIn("api.admins", message)
        self.pulsed.says('audit: certificate bob: Update, "bobs": PERMISSION_DENIED')

    def test_two_names_of_which_one_is_an_admins_are_no_admin(self):
        api = self.api(*self.clients.sign("both", "/CN=mallory/CN=alice"))
        self.refused(Code.PERMISSION_DENIED, api.policy.Update, pb.UpdatePolicyRequest())

    def test_a_name_that_contains_an_admins_is_no_admin(self):
        for name in ("alice ", "Alice", "alice2"):
            api = self.api(*self.clients.sign("like", "/CN=" + name))
            self.refused(Code.PERMISSION_DENIED, api.policy.Update, pb.UpdatePolicyRequest())

    def test_the_right_name_from_another_authority_is_let_in_nowhere(self):
        for authority in (self.strangers, self.servers):
            api = self.api(*authority.sign("alice"))
            self.refused(Code.UNAVAILABLE, api.monitor.GetStatus, monitor_pb2.GetStatusRequest(), timeout=5)

    def test_without_a_certificate_nothing_can_be_read(self):
        self.refused(Code.UNAVAILABLE, self.api().monitor.GetStatus, monitor_pb2.GetStatusRequest(), timeout=5)

    def test_without_tls_nothing_is_answered(self):
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.addCleanup(channel.close)
        self.refused(Code.UNAVAILABLE, Api(channel).monitor.GetStatus, monitor_pb2.GetStatusRequest(), timeout=5)

    def test_who_begins_a_handshake_and_stops_is_closed(self):
        hello = b"\x16\x03\x01\x02\x00"
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(hello)
            begin = time.monotonic()
            try:
                while connection.recv(4096):
                    pass
            except ConnectionResetError:
                pass
            self.assertGreater(time.monotonic() - begin, 1)

    def test_files_that_are_no_certificates_end_the_start_with_a_reason(self):
        nonsense = self.pulsed.directory + "/nonsense"
        with open(nonsense, "w") as file:
            file.write("nonsense\n")
        wrong = self.tls.replace(self.key, nonsense)
        with self.assertRaisesRegex(AssertionError, "nonsense: is no PEM key of the certificate.*api.tls.key"):
            self.daemon(config=f'api: {{tcp: "127.0.0.1:0", {wrong}}}')
        missing = self.tls.replace(self.key, "/nowhere/key")
        with self.assertRaisesRegex(AssertionError, "/nowhere/key: no such file .*api.tls.key"):
            self.daemon(config=f'api: {{tcp: "127.0.0.1:0", {missing}}}')

    def test_a_key_that_needs_a_passphrase_ends_the_start_with_a_reason(self):
        locked = self.pulsed.directory + "/locked.key"
        self.servers.openssl("ec", "-in", self.key, "-aes256", "-passout", "pass:secret", "-out", locked)
        wrong = self.tls.replace(self.key, locked)
        with self.assertRaisesRegex(AssertionError, "locked.key: is no PEM key of the certificate.*passphrase"):
            self.daemon(config=f'api: {{tcp: "127.0.0.1:0", {wrong}}}')

    def test_a_start_that_failed_leaves_no_socket_behind(self):
        pulsed = self.daemon()
        self.assertEqual(pulsed.stop(), 0)
        pulsed.write_config(f'api: {{tcp: "127.0.0.1:{self.port}"}}')
        with self.assertRaisesRegex(AssertionError, "Address already in use"):
            pulsed.start()
        self.assertFalse(os.path.exists(pulsed.read_socket))
        self.assertFalse(os.path.exists(pulsed.admin_socket))

    def test_what_clients_do_to_a_handshake_fills_no_log(self):
        before = len(self.pulsed.log())
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
                connection.sendall(b"\x16\x03\x01\x00\x04nope" + os.urandom(64))
                try:
                    connection.recv(4096)
                except ConnectionResetError:
                    pass
        self.assertTrue(self.pulsed.answers())
        self.assertLess(len(self.pulsed.log()) - before, 40_000)


if __name__ == "__main__":
    unittest.main()
