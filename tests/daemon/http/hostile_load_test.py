"""A real pulsed with a real service that works, under everything that HTTP clients can do to it at once."""
import json
import os
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

BIN_DIR = os.environ["PULSED_BIN_DIR"]
SLOW = float(os.environ.get("PULSED_TEST_SLOW", "1"))
PATIENCE = 20 * SLOW
IDLE, SLOW_CLIENTS, WATCHERS, SCRAPES = 50, 50, 100, 10
SCRAPE_SECONDS = 1 * SLOW
HEADER_BYTES = 1 << 30
# Beside what the history may hold: replies, buffers, and what malloc keeps.
GROWTH_BYTES = 64 << 20
# Before a command: it ends with the thread that started it, also where that is killed from outside.
WITH_US = ("setpriv", "--pdeathsig", "KILL")


def eventually(find, why):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(why)


class Scene:
    """The daemon, and a service of two workers: one polls shortly all the time, the other is a hog."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="pulsed-http-")
        self.log = open(self.directory + "/log", "w+")
        self.daemon = self.service = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.daemon = subprocess.Popen(
            [*WITH_US, BIN_DIR + "/pulsed", "--run-dir", self.directory + "/run", "--state-dir", self.directory + "/state",
             "--http", "127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        self.port = eventually(self.said_port, "pulsed does not say where it listens")
        eventually(lambda: os.path.exists(self.directory + "/run/attach.sock"), "pulsed takes no services")
        self.service = subprocess.Popen([*WITH_US, BIN_DIR + "/tests/integration_service", self.directory + "/run", "shop", "2"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        eventually(lambda: json.loads(self.tell("counters"))["attached"], "the service does not attach")
        self.tell("work 0 render 100 900 obey")
        self.tell("work 1 export 20000 20000 blind")
        eventually(lambda: b"export" in self.scrape(), "the daemon does not see the service's classes")

    def said_port(self):
        self.log.seek(0)
        for line in self.log:
            if "http://127.0.0.1:" in line:
                return int(line.split("http://127.0.0.1:")[1].split("/")[0])
        if self.daemon.poll() is not None:
            raise AssertionError("pulsed ended")
        return None

    def tell(self, line):
        self.service.stdin.write(line + "\n")
        self.service.stdin.flush()
        return self.service.stdout.readline()

    def scrape(self):
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.port, timeout=PATIENCE) as reply:
            return reply.read()

    def ticks(self):
        """How many ticks took at most so many seconds, and how many there were."""
        counts = {}
        for line in self.scrape().decode().splitlines():
            if line.startswith("pulsed_tick_duration_seconds_bucket"):
                counts[float(line.split('le="')[1].split('"')[0])] = float(line.split()[1])
        return counts

    def resident_bytes(self):
        with open("/proc/%d/statm" % self.daemon.pid) as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def close(self):
        for process in (self.service, self.daemon):
            if process is not None:
                process.kill()
                process.wait(PATIENCE)
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        pipe.close()
        self.log.close()
        shutil.rmtree(self.directory)


class SlowClients(threading.Thread):
    """They send a request byte by byte, and never end it."""

    def __init__(self, clients):
        super().__init__(daemon=True)
        self.clients = clients
        self.stopping = threading.Event()
        self.sent = 0

    def run(self):
        # Long, so that it is not whole before the test is over.
        request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 7000
        for byte in request:
            for client in self.clients:
                try:
                    client.send(bytes([byte]))
                    self.sent += 1
                except OSError:  # the daemon had enough of it
                    pass
            if self.stopping.wait(0.05):
                return


class HugeHeader(threading.Thread):
    """One header of a gibibyte, as far as the daemon takes it."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.taken = 0

    def run(self):
        block = b"x" * (1 << 16)
        try:
            self.client.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
            while self.taken < HEADER_BYTES:
                self.taken += self.client.send(block)
        except OSError:
            pass


class Readers(threading.Thread):
    """Watchers that read what comes, all in one thread."""

    def __init__(self, clients):
        super().__init__(daemon=True)
        self.stopping = threading.Event()
        self.moments = {client: 0 for client in clients}
        self.closed = 0

    def run(self):
        with selectors.DefaultSelector() as selector:
            for client in self.moments:
                selector.register(client, selectors.EVENT_READ)
            while not self.stopping.is_set():
                for key, _ in selector.select(0.1):
                    data = key.fileobj.recv(1 << 16)
                    if not data:
                        self.closed += 1
                        selector.unregister(key.fileobj)
                    self.moments[key.fileobj] += data.count(b"event: moment")


def share_over(before, after, seconds):
    """Of the ticks between two scrapes, those that took longer."""
    most = min(bound for bound in after if bound >= seconds)
    ticks = after[float("inf")] - before[float("inf")]
    return (ticks - (after[most] - before[most])) / ticks


class HostileLoad(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.close)

    def connect(self, count):
        clients = [self.scene.connect() for _ in range(count)]
        for client in clients:
            self.addCleanup(client.close)
        return clients

    def watchers(self, count):
        clients = self.connect(count)
        for client in clients:
            client.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return clients

    def scrapes(self):
        """How long each took, a quarter of a second between them."""
        took = []
        for _ in range(SCRAPES):
            begin = time.monotonic()
            self.assertIn(b"pulsed_tick_duration_seconds", self.scene.scrape())
            took.append(time.monotonic() - begin)
            time.sleep(0.25)
        return took

    def test_scrapes_are_answered_and_ticks_do_not_move_under_hostile_clients(self):
        began = self.scene.ticks()
        alone = self.scrapes()
        quiet = self.scene.ticks()
        resident = self.scene.resident_bytes()

        self.connect(IDLE)
        slow = SlowClients(self.connect(SLOW_CLIENTS))
        readers = Readers(self.watchers(WATCHERS // 2))
        deaf = self.watchers(WATCHERS - WATCHERS // 2)
        huge = HugeHeader(self.connect(1)[0])
        for thread in (slow, readers, huge):
            thread.start()
        eventually(lambda: all(readers.moments.values()), "watchers are sent nothing")
        loaded = self.scene.ticks()
        beside = self.scrapes()
        ended = self.scene.ticks()
        grown = self.scene.resident_bytes() - resident
        for thread in (slow, readers):
            thread.stopping.set()
            thread.join(PATIENCE)
        huge.join(PATIENCE)
        self.tell(alone, beside, share_over, (began, quiet), (loaded, ended), grown, slow, readers, huge)

        self.assertLess(max(beside), SCRAPE_SECONDS)
        self.assertFalse(huge.is_alive())
        # What the kernel holds of it, and what is read to let the refusal through; see session.cpp.
        self.assertLess(huge.taken, 64 << 20)
        self.assertGreater(slow.sent, SLOW_CLIENTS * 10)
        self.assertEqual(readers.closed, 0)
        self.assertGreaterEqual(min(readers.moments.values()), 1 + SCRAPES // 4)
        for client in deaf:
            self.assertTrue(client.recv(1 << 16).startswith(b"HTTP/1.1 200 "))
        self.assertLess(grown, GROWTH_BYTES)
        # A loop that waited for clients would have ticks as long as their patience.
        self.assertLessEqual(share_over(loaded, ended, 0.02), share_over(began, quiet, 0.02) + 0.01)

    def tell(self, alone, beside, share, quiet, loaded, grown, slow, readers, huge):
        print("\nscrapes: longest %.1f ms alone, %.1f ms beside %d idle, %d slow, %d watchers, half of them deaf" % (
            1e3 * max(alone), 1e3 * max(beside), IDLE, SLOW_CLIENTS, WATCHERS))
        for seconds in (0.0001, 0.00025, 0.001, 0.005, 0.02):
            print("ticks over %g ms: %.2f %% alone, %.2f %% beside them" % (
                1e3 * seconds, 100 * share(*quiet, seconds), 100 * share(*loaded, seconds)))
        print("resident memory grew by %.1f MiB; of the gibibyte's header %.1f MiB were taken; slow bytes: %d; moments: %d" % (
            grown / 2**20, huge.taken / 2**20, slow.sent, min(readers.moments.values())))


if __name__ == "__main__":
    unittest.main()
