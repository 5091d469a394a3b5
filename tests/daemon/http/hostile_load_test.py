"""A real pulsed with a real service that works, under everything that HTTP clients can do to it at once."""
import contextlib
import json
import os
import selectors
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

BIN_DIR = os.environ["PULSED_BIN_DIR"]
SLOW = float(os.environ.get("PULSED_TEST_SLOW", "1"))
PATIENCE = 20 * SLOW
IDLE, SLOW_CLIENTS, READERS, DEAF, SCRAPES = 50, 50, 50, 50, 10
SCRAPE_SECONDS = 1 * SLOW
# What a watcher may take for one write; see daemon/http/server.h.
WRITE_TIMEOUT = 30
HEADER_BYTES = 1 << 30
WATCH = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"
# Beside what the history may hold: replies, buffers, and what malloc keeps.
GROWTH_BYTES = 64 << 20
# Names and workers for moments of some 20 kB, and so much of a history that the kernel does not take it for a client that
# does not read.
WORKERS, NAME = 60, "x" * 55
HISTORY_BYTES = 400_000
# What a slow tick is, and by how much the share of slow ones may differ between two crowds.
SLOW_TICK = {"duration": 0.001, "lateness": 0.005}
SHARE = 0.05
WINDOWS, ATTEMPTS = 3, 3
# Before a command: it ends with the thread that started it, also where that is killed from outside.
WITH_US = ("setpriv", "--pdeathsig", "KILL")


def eventually(find, why, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(why)


class Scene:
    """The daemon, and a service of many workers: one is a hog, the others poll shortly, one of them all the time."""

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
        self.service = subprocess.Popen([*WITH_US, BIN_DIR + "/tests/integration_service", self.directory + "/run", NAME, str(WORKERS)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        eventually(lambda: json.loads(self.tell("counters"))["attached"], "the service does not attach")
        self.tell("work 0 render 100 900 obey")
        self.tell("work 1 export 20000 20000 blind")
        for worker in range(2, WORKERS):
            self.tell("work %d %s-%d 20 100000 obey" % (worker, NAME, worker))
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

    def number(self, name):
        return next(float(line.split()[1]) for line in self.scrape().decode().splitlines() if line.startswith(name + " "))

    def ticks(self):
        """Of each of the two histograms: how many ticks were at most so many seconds, and how many there were."""
        counts = {"duration": {}, "lateness": {}}
        for line in self.scrape().decode().splitlines():
            for what in counts:
                if line.startswith("pulsed_tick_%s_seconds_bucket" % what):
                    counts[what][float(line.split('le="')[1].split('"')[0])] = float(line.split()[1])
        return counts

    def resident_bytes(self):
        with open("/proc/%d/statm" % self.daemon.pid) as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def connect(self, deaf=False):
        client = socket.socket()
        client.settimeout(PATIENCE)
        if deaf:  # before it connects, as it bounds the window that is offered
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", self.port))
        return client

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
        self.last = {}
        self.longest_gap = 0
        self.closed = 0

    def run(self):
        with selectors.DefaultSelector() as selector:
            for client in self.moments:
                selector.register(client, selectors.EVENT_READ)
            while not self.stopping.is_set():
                for key, _ in selector.select(0.1):
                    self.read(key.fileobj, selector)

    def read(self, client, selector):
        data = client.recv(1 << 16)
        if not data:
            self.closed += 1
            selector.unregister(client)
        moments = data.count(b"event: moment")
        if moments:
            now = time.monotonic()
            self.longest_gap = max(self.longest_gap, now - self.last.get(client, now))
            self.last[client] = now
            self.moments[client] += moments


class Crowd:
    """Every kind of hostile client at once, and watchers that do as they should."""

    def __init__(self, scene):
        self.sockets = contextlib.ExitStack()
        self.scene = scene
        self.connect(IDLE)
        self.slow = SlowClients(self.connect(SLOW_CLIENTS))
        self.readers = Readers(self.watch(READERS))
        self.deaf = self.watch(DEAF, deaf=True)
        self.huge = HugeHeader(self.connect(1)[0])

    def __enter__(self):
        for thread in (self.slow, self.readers, self.huge):
            thread.start()
        eventually(lambda: all(self.readers.moments.values()), "watchers are sent nothing")
        return self

    def __exit__(self, *_):
        for thread in (self.slow, self.readers):
            thread.stopping.set()
            thread.join(PATIENCE)
        self.huge.join(PATIENCE)
        self.sockets.close()

    def connect(self, count, deaf=False):
        return [self.sockets.enter_context(self.scene.connect(deaf)) for _ in range(count)]

    def watch(self, count, deaf=False):
        clients = self.connect(count, deaf)
        for client in clients:
            client.sendall(WATCH)
        return clients


def rest_of(client):
    """What a watcher that did not read finds when it does, until the connection ends."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while block := client.recv(1 << 16):
            data += block
    return data


def share_over(before, after, seconds):
    """Of the ticks between two scrapes, those that took longer."""
    most = min(bound for bound in after if bound >= seconds)
    ticks = after[float("inf")] - before[float("inf")]
    return (ticks - (after[most] - before[most])) / ticks


class HostileLoad(unittest.TestCase):
    def scene(self):
        scene = Scene()
        self.addCleanup(scene.close)
        return scene

    def with_history(self, scene):
        """More of it than the kernel keeps for a watcher that does not read."""
        with scene.connect() as client:
            client.sendall(WATCH)
            taken = 0
            while taken < HISTORY_BYTES:
                block = client.recv(1 << 16)
                self.assertTrue(block)
                taken += len(block)
        return scene

    def scrapes(self, scene):
        """How long each took, a quarter of a second between them."""
        took = []
        for _ in range(SCRAPES):
            begin = time.monotonic()
            self.assertIn(b"pulsed_tick_duration_seconds", scene.scrape())
            took.append(time.monotonic() - begin)
            time.sleep(0.25)
        return took

    def test_scrapes_and_readers_are_served_beside_hostile_clients_and_deaf_watchers_are_closed(self):
        scene = self.with_history(self.scene())
        alone = self.scrapes(scene)
        resident = scene.resident_bytes()
        with Crowd(scene) as crowd:
            eventually(lambda: scene.number("pulsed_http_watchers") == READERS + DEAF, "not all watch")
            beside = self.scrapes(scene)
            grown = scene.resident_bytes() - resident
            eventually(lambda: scene.number("pulsed_http_watchers") == READERS, "deaf watchers are not closed",
                       WRITE_TIMEOUT + PATIENCE)
            moments = min(crowd.readers.moments.values())
            eventually(lambda: min(crowd.readers.moments.values()) > moments, "watchers are sent no more")
            for client in crowd.deaf:
                begin = rest_of(client)
                self.assertTrue(begin.startswith(b"HTTP/1.1 200 "))
                self.assertLess(begin.count(b"event: moment"), moments)
        print("\nscrapes: longest %.1f ms alone, %.1f ms beside %d idle, %d slow, %d watchers and %d deaf ones" % (
            1e3 * max(alone), 1e3 * max(beside), IDLE, SLOW_CLIENTS, READERS, DEAF))
        print("resident memory grew by %.1f MiB; of the gibibyte's header %.1f MiB were taken; slow bytes: %d; moments: %d, "
              "%.1f s apart at most" % (grown / 2**20, crowd.huge.taken / 2**20, crowd.slow.sent, moments,
                                        crowd.readers.longest_gap))

        self.assertLess(max(beside), SCRAPE_SECONDS)
        self.assertFalse(crowd.huge.is_alive())
        # What the kernel holds of it, and what is read to let the refusal through; see session.cpp.
        self.assertLess(crowd.huge.taken, 64 << 20)
        self.assertGreater(crowd.slow.sent, SLOW_CLIENTS * 10)
        self.assertEqual(crowd.readers.closed, 0)
        self.assertLess(grown, GROWTH_BYTES)
        # One that waited for a deaf one would have waited until that was closed.
        self.assertLess(crowd.readers.longest_gap, WRITE_TIMEOUT / 2)

    def slow_ticks(self, scene, pestered):
        """Of the ticks of one daemon, while a crowd is at one: the shares that took long and that came late."""
        shares = {what: [] for what in SLOW_TICK}
        with Crowd(pestered):
            for _ in range(WINDOWS):
                before = scene.ticks()
                self.scrapes(pestered)
                after = scene.ticks()
                for what, seconds in SLOW_TICK.items():
                    shares[what].append(share_over(before[what], after[what], seconds))
        return {what: statistics.median(of) for what, of in shares.items()}

    def test_ticks_are_as_short_and_as_punctual_as_beside_a_crowd_at_another_daemon(self):
        scene, other = self.scene(), self.scene()
        for each in (scene, other):
            self.with_history(each)
        # The crowd takes the same CPU time off the machine in both cases, so what differs is the daemon's. A machine that is
        # busy with something else meanwhile gets another chance; a loop that its clients hold up would never pass.
        for _ in range(ATTEMPTS):
            elsewhere = self.slow_ticks(scene, other)
            here = self.slow_ticks(scene, scene)
            for what in here:
                print("\nticks over %g ms in %s: %.2f %% with the crowd at another daemon, %.2f %% with it here" % (
                    1e3 * SLOW_TICK[what], what, 100 * elsewhere[what], 100 * here[what]))
            if all(here[what] <= elsewhere[what] + SHARE for what in here):
                return
        self.fail("ticks move with what HTTP clients do")


if __name__ == "__main__":
    unittest.main()
