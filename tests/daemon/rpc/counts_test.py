"""What /metrics says of the API and of the store of revisions."""
import re
import shutil
import unittest
import urllib.request

import grpc
from pulsed.v1 import control_pb2, monitor_pb2, policy_pb2

from api_daemon import PATIENCE, ApiTest, eventually

Code = grpc.StatusCode


class Counting(ApiTest):
    def setUp(self):
        self.pulsed = self.daemon(http="127.0.0.1:0")

    def value(self, series):
        """Of a series as it stands in the text; None: it is not there."""
        port = self.pulsed.says(r"http://127\.0\.0\.1:(\d+)/metrics")[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as reply:
            text = reply.read().decode()
        found = re.search("^" + re.escape(series) + " (.*)$", text, re.MULTILINE)
        return float(found[1]) if found else None

    def calls(self, method, code):
        return self.value(f'pulsed_api_calls_total{{method="{method}",code="{code}"}}') or 0

    def test_calls_are_counted_by_method_and_code(self):
        api = self.pulsed.api(self.pulsed.read_socket)
        before = self.calls("MonitorService/GetStatus", "OK")
        for _ in range(3):
            api.monitor.GetStatus(monitor_pb2.GetStatusRequest(), timeout=PATIENCE)
        # A status is counted before it is sent.
        self.assertEqual(self.calls("MonitorService/GetStatus", "OK"), before + 3)
        self.refused(Code.PERMISSION_DENIED, api.control.PinTier,
                     control_pb2.PinTierRequest(service="shop", tier=policy_pb2.TIER_WARN, **{"class": "render"}))
        self.assertEqual(self.calls("ControlService/PinTier", "PERMISSION_DENIED"), 1)
        self.assertEqual(self.calls("ControlService/PinTier", "OK"), 0)

    def test_a_pinned_class_shows_as_long_as_it_is_pinned(self):
        self.service(self.pulsed, "shop").tell("work 0 render 100 1000 obey")
        series = 'pulsed_pinned_classes{service="shop"}'
        eventually(lambda: self.value('pulsed_polls_total{service="shop",class="render"}'), "the class is not shown")
        self.assertEqual(self.value(series), 0)
        control = self.pulsed.api().control
        control.PinTier(control_pb2.PinTierRequest(service="shop", tier=policy_pb2.TIER_WARN, **{"class": "render"}),
                        timeout=PATIENCE)
        eventually(lambda: self.value(series) == 1, "the pin does not show")
        control.Unpin(control_pb2.UnpinRequest(service="shop", **{"class": "render"}), timeout=PATIENCE)
        eventually(lambda: self.value(series) == 0, "the pin still shows")

    def test_a_stream_counts_at_its_end(self):
        watch = self.pulsed.api().monitor.WatchEvents(monitor_pb2.WatchEventsRequest(), timeout=4 * PATIENCE)
        next(watch)
        self.assertEqual(self.calls("MonitorService/WatchEvents", "CANCELLED"), 0)
        watch.cancel()
        eventually(lambda: self.calls("MonitorService/WatchEvents", "CANCELLED") == 1, "its end is not counted")

    def test_methods_that_clients_make_up_are_no_series(self):
        channel = self.pulsed.api().channel
        for n in range(100):
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary(f"/made.up/Method{n}")(b"", timeout=PATIENCE)
            self.assertEqual(caught.exception.code(), Code.UNIMPLEMENTED)
        self.assertEqual(self.calls("other", "UNIMPLEMENTED"), 100)
        self.assertEqual(self.calls("made.up/Method0", "UNIMPLEMENTED"), 0)

    def test_a_state_directory_that_cannot_be_used_shows(self):
        self.assertEqual(self.value("pulsed_revisions_durable"), 1)
        self.assertEqual(self.value("pulsed_revision_store_failures_total"), 0)
        self.assertEqual(self.pulsed.stop(), 0)
        shutil.rmtree(self.pulsed.state_dir)
        with open(self.pulsed.state_dir, "w"):
            pass
        self.pulsed.start()
        self.assertEqual(self.value("pulsed_revisions_durable"), 0)
        self.assertEqual(self.value("pulsed_revision_store_failures_total"), 1)


if __name__ == "__main__":
    unittest.main()
