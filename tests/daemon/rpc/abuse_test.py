"""What a caller who may only read could make the daemon hold: memory and threads."""
import re
import socket
import struct
import threading
import unittest

import grpc
from google.protobuf import duration_pb2
from pulsed.v1 import policy_pb2 as pb

from api_daemon import PATIENCE, ApiTest, eventually

Code = grpc.StatusCode
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, DATA, SETTINGS = 1, 0, 4
END_STREAM, END_HEADERS = 1, 4
INITIAL_WINDOW_SIZE = 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def calls(path, count):
    """A whole connection's worth of calls, without room for a byte of an answer."""
    headers = b"".join(header(*field) for field in (
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"pulsed"),
        (b"content-type", b"application/grpc"), (b"te", b"trailers")))
    said = PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0))
    for stream in range(1, 2 * count, 2):
        said += frame(HEADERS, END_HEADERS, stream, headers) + frame(DATA, END_STREAM, stream, b"\0\0\0\0\0")
    return said


def long_policy():
    """Some 50 KiB."""
    second = duration_pb2.Duration(seconds=1, nanos=1)
    each = pb.TierDurations(monitor=second, warn=second, isolate=second, **{"yield": second})
    return pb.Policy(rules=[
        pb.Rule(match=pb.Match(service=f"{i:064}", uid=i, **{"class": "c" * 64}),
                set=pb.TierFields(good_poll=each, demotion_min_stay=each)) for i in range(256)])


class Abuse(ApiTest):
    def setUp(self):
        self.pulsed = self.daemon()

    def status(self, name):
        """Of the daemon's process."""
        with open(f"/proc/{self.pulsed.process.pid}/status") as file:
            return int(re.search(rf"(?m)^{name}:\s+(\d+)", file.read()).group(1))

    def test_a_request_that_unpacks_to_more_than_a_message_may_have_is_not_unpacked(self):
        policy = self.pulsed.api(self.pulsed.read_socket, [("grpc.max_send_message_length", -1)]).policy
        before = self.status("VmHWM")
        request = pb.UpdatePolicyRequest(comment="x" * (100 << 20))
        self.refused(Code.UNIMPLEMENTED, policy.Update, request, compression=grpc.Compression.Gzip)
        self.assertLess(self.status("VmHWM") - before, 50 << 10)  # KiB

    def test_streams_of_reflection_hold_a_bounded_number_of_threads(self):
        before = self.status("Threads")
        open_ones = threading.Event()
        self.addCleanup(open_ones.set)

        def asks():
            yield b"\x3a\x00"  # list_services
            open_ones.wait()

        channel = self.pulsed.api(self.pulsed.read_socket).channel
        reflection = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        streams = [reflection(asks(), timeout=4 * PATIENCE) for _ in range(60)]
        refused = 0
        for stream in streams:
            try:
                next(stream)
            except grpc.RpcError as e:
                self.assertEqual(e.code(), Code.RESOURCE_EXHAUSTED, e.details())
                refused += 1
        self.assertGreater(refused, 0)
        self.assertLess(self.status("Threads") - before, 30)
        self.assertTrue(self.pulsed.answers())

    def test_answers_that_nobody_reads_are_bounded(self):
        admin = self.pulsed.api().policy
        admin.Update(pb.UpdatePolicyRequest(policy=long_policy()), timeout=PATIENCE)
        hoarders = []
        for _ in range(8):
            hoarders.append(socket.socket(socket.AF_UNIX))
            self.addCleanup(hoarders[-1].close)
            hoarders[-1].connect(self.pulsed.read_socket)
            hoarders[-1].sendall(calls(b"/pulsed.v1.PolicyService/Get", 99))
        reader = self.pulsed.api(self.pulsed.read_socket).policy

        def answer():
            try:
                return len(reader.Get(pb.GetPolicyRequest(), timeout=PATIENCE).policy.rules)
            except grpc.RpcError as e:
                self.assertEqual(e.code(), Code.RESOURCE_EXHAUSTED, e.details())
                return e.details()
        eventually(lambda: "too many answers wait to be read" in str(answer()), "whoever reads nothing may ask on and on")
        for hoarder in hoarders:
            hoarder.close()
        eventually(lambda: answer() == 256, "what waited for a reader who has gone still counts")


if __name__ == "__main__":
    unittest.main()
