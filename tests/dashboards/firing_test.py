"""Alerts on their way from a real pulsed, over Prometheus and Debian's Alertmanager, to a webhook.

The rules are the ones that are shipped, but for the time: only `for` and the windows are replaced in the copy that Prometheus reads.
"""

import http.server
import json
import re
import subprocess
import tempfile
import threading
import time
import unittest
from datetime import datetime
from pathlib import Path

from expressions import RULES, shortened
from servers import BIN, PATIENCE_S, Alertmanager, Prometheus, Pulsed, eventually


class Webhook:
    """Keeps every alert it is told of."""

    def __init__(self):
        self.alerts = []
        kept = self.alerts

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                kept.extend(json.loads(self.rfile.read(int(self.headers['Content-Length'])))['alerts'])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self._server.server_address[1]}/'
        self._thread = threading.Thread(target=self._server.serve_forever)

    def answer(self):
        self._thread.start()

    def told(self, name, status, since=0):
        """The last such alert that began to fire after that time, or None."""
        return next((a for a in reversed(self.alerts) if a['labels']['alertname'] == name and a['status'] == status
                     and datetime.fromisoformat(a['startsAt']).timestamp() >= since), None)

    def close(self):
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def hurried(rules: str) -> str:
    return re.sub(r'(?m)^( +for:) \w+$', r'\1 1s', shortened(rules))


class FiringTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='pulsed-firing-')
        self.addCleanup(folder.cleanup)
        folder = Path(folder.name)
        self.webhook = Webhook()
        self.addCleanup(self.webhook.close)
        self.pulsed = self.enterContext(Pulsed(folder, 'enforcement: shadow\n'))
        self.instance = self.pulsed.address()
        alertmanager = self.enterContext(Alertmanager(folder, self.webhook.url))
        rules = {path.name: hurried(path.read_text()) for path in RULES}
        self.prometheus = self.enterContext(Prometheus(folder, self.instance, rules, alertmanager.address()))
        self.prometheus.wait_ready()
        # Not before those are started: what Process runs in a child before its program bears no second thread.
        self.webhook.answer()

    def service(self, name):
        """At the lowest priority: what it burns is no concern of tests beside it. It ends with us, also where we are killed."""
        command = [BIN / 'tests/integration_service', self.pulsed.run_dir, name, '2']
        process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', 'nice', '-n', '19', *command], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        eventually(lambda: json.loads(self.tell(process, 'counters'))['attached'], f'{name} attaches')
        return process

    @staticmethod
    def tell(process, line):
        process.stdin.write(line + '\n')
        process.stdin.flush()
        return process.stdout.readline()

    @staticmethod
    def end(process):
        process.kill()
        process.wait(PATIENCE_S)
        process.stdin.close()
        process.stdout.close()

    def told(self, name, status, since):
        return eventually(lambda: self.webhook.told(name, status, since), f'{name} is {status} at the webhook', beside=[self.prometheus])

    def test_a_held_worker_and_a_dead_daemon_reach_the_webhook_with_their_labels_and_runbook(self):
        service = self.service('shop')
        # All is well: each alert is judged, this one is not told.
        eventually(lambda: self.prometheus.now('pulsed_in_flight_longest_seconds{service="shop"}'), 'the service is scraped')
        eventually(self.prometheus.judged, 'the rules are evaluated')
        self.assertIsNone(self.webhook.told('PulsedWorkerHeld', 'firing'))

        begin = time.time()
        self.assertEqual(json.loads(self.tell(service, f'work 0 checkout/render {3600 * 1000 * 1000} 0 ignore')), {})
        held = self.told('PulsedWorkerHeld', 'firing', begin)
        self.assertEqual(held['labels'], {'alertname': 'PulsedWorkerHeld', 'severity': 'warning', 'job': 'pulsed',
                                          'instance': self.instance, 'service': 'shop'})
        self.assertEqual(held['annotations']['runbook'], 'dashboards/runbook.md#pulsedworkerheld')
        self.assertIn('shop', held['annotations']['summary'])

        service.kill()
        self.told('PulsedWorkerHeld', 'resolved', begin)

        begin = time.time()
        self.pulsed.stop(PATIENCE_S)
        down = self.told('PulsedDown', 'firing', begin)
        self.assertEqual(down['labels'], {'alertname': 'PulsedDown', 'severity': 'critical', 'job': 'pulsed', 'instance': self.instance})
        self.assertEqual(down['annotations']['runbook'], 'dashboards/runbook.md#pulseddown')


if __name__ == '__main__':
    unittest.main()
