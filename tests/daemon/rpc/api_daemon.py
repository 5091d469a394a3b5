"""A real pulsed in directories of its own, driven over gRPC by Debian's python3-grpcio."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import grpc

from pulsed.v1 import control_pb2_grpc, monitor_pb2, monitor_pb2_grpc, policy_pb2_grpc

BIN_DIR = os.environ["PULSED_BIN_DIR"]
# Deadlines are generous: they end a test that hangs, and say nothing of how fast things are.
PATIENCE = 20 * float(os.environ.get("PULSED_TEST_SLOW", "1"))
# Before a command: it ends with the thread that started it, also where that is killed from outside.
WITH_US = ("setpriv", "--pdeathsig", "KILL")


class Api:
    """The three services over one channel."""

    def __init__(self, channel):
        self.channel = channel
        self.policy = policy_pb2_grpc.PolicyServiceStub(channel)
        self.monitor = monitor_pb2_grpc.MonitorServiceStub(channel)
        self.control = control_pb2_grpc.ControlServiceStub(channel)


class Daemon:
    def __init__(self, config="", environment=None, http="off"):
        self.directory = tempfile.mkdtemp(prefix="pulsed-rpc-")
        # Other users of the tests reach the sockets through it.
        os.chmod(self.directory, 0o755)
        self.run_dir = self.directory + "/run"
        self.state_dir = self.directory + "/state"
        self.config = self.directory + "/pulsed.yaml"
        self.environment = {**os.environ, **(environment or {})}
        self.http = http
        self.channels = []
        self.process = None
        self.log_file = open(self.directory + "/log", "w")
        self.write_config(config)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def write_config(self, text):
        with open(self.config, "w") as file:
            file.write(text + "\n")

    def start(self):
        self.begins_at = os.path.getsize(self.log_file.name)
        self.process = subprocess.Popen(
            [*WITH_US, BIN_DIR + "/pulsed", "--config", self.config, "--run-dir", self.run_dir, "--state-dir", self.state_dir,
             "--http", self.http],
            stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=subprocess.STDOUT, env=self.environment)
        eventually(lambda: os.path.exists(self.run_dir + "/admin/api.sock") and self.answers() or self.ended(),
                   "pulsed does not answer")
        if self.ended():
            raise AssertionError("pulsed ended:\n" + self.log())

    def ended(self):
        return self.process.poll() is not None

    def answers(self):
        with self.connected() as api:
            try:
                return api.monitor.GetStatus(monitor_pb2.GetStatusRequest(), timeout=1).ready
            except grpc.RpcError:
                return False

    @property
    def read_socket(self):
        return self.run_dir + "/api.sock"

    @property
    def admin_socket(self):
        return self.run_dir + "/admin/api.sock"

    def api(self, socket=None, options=()):
        """Over the admin socket, or the one given; closed with the daemon."""
        # A channel of its own: those to one address share their connection else.
        options = [("grpc.use_local_subchannel_pool", 1), *options]
        channel = grpc.insecure_channel("unix:" + (socket or self.admin_socket), options)
        self.channels.append(channel)
        return Api(channel)

    @contextlib.contextmanager
    def connected(self, socket=None):
        api = self.api(socket)
        try:
            yield api
        finally:
            self.channels.remove(api.channel)
            api.channel.close()

    def log(self):
        """What the present process has said."""
        with open(self.log_file.name) as file:
            file.seek(self.begins_at)
            return file.read()

    def says(self, pattern):
        """Waits for a line, and gives the match."""
        return eventually(lambda: re.search(pattern, self.log()), "no line of the log fits " + pattern)

    def stop(self):
        """Its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def close(self):
        for channel in self.channels:
            channel.close()
        if not self.ended():
            self.kill()
        self.log_file.close()
        shutil.rmtree(self.directory)


class Service:
    """An attached service whose workers do as they are told: see tests/integration/service_program.cpp."""

    def __init__(self, daemon, name, workers=2):
        self.process = subprocess.Popen([BIN_DIR + "/tests/integration_service", daemon.run_dir, name, str(workers)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        # Polls that began before it attached are seen by no daemon.
        eventually(lambda: json.loads(self.tell("counters"))["attached"], name + " does not attach")

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def close(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()


class ApiTest(unittest.TestCase):
    """Each daemon and service a case starts ends with it."""

    def daemon(self, **options):
        daemon = Daemon(**options)
        self.addCleanup(daemon.close)
        return daemon

    def service(self, daemon, name, workers=2):
        service = Service(daemon, name, workers)
        self.addCleanup(service.close)
        return service

    def refused(self, code, method, request, **options):
        """That the call fails with this code; gives the message."""
        options.setdefault("timeout", PATIENCE)
        with self.assertRaises(grpc.RpcError) as caught:
            answer = method(request, **options)
            if hasattr(answer, "__next__"):
                for _ in answer:
                    pass
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception.details()


def eventually(check, message, patience=None):
    """The first true value of the check."""
    until = time.monotonic() + (patience or PATIENCE)
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(message)
        time.sleep(0.01)
