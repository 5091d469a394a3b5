"""Debian's Prometheus and Alertmanager, and pulsed, each on a free port of 127.0.0.1 and in folders of its own."""

import json
import math
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Dict, List

import yaml
from scenarios.processes import Process

BIN = Path(os.environ['PULSED_BIN_DIR'])
# Deadlines are generous: they end a test that hangs, and say nothing of how fast things are.
PATIENCE_S = 20 * float(os.environ.get('PULSED_TEST_SLOW', '1'))
LISTENING = r'msg="Listening on" address=127\.0\.0\.1:(\d+)'


def eventually(holds, what: str, beside: List[Process] = ()):
    """The first true value of `holds`, while all of `beside` run."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        value = holds()
        if value:
            return value
        for process in beside:
            process.check_alive()
        if time.monotonic() > deadline:
            raise AssertionError(f'not within {PATIENCE_S:.0f} s: {what}')
        time.sleep(0.05)


class Pulsed(Process):
    def __init__(self, folder: Path, policy: str):
        self.run_dir = folder / 'run'
        for name in ('run', 'state'):
            (folder / name).mkdir()
        (folder / 'pulsed.yaml').write_text('')  # so that one in /etc does not count
        (folder / 'policy.yaml').write_text(policy)
        super().__init__('pulsed', [str(word) for word in (
            BIN / 'pulsed', '--config', folder / 'pulsed.yaml', '--policy', folder / 'policy.yaml', '--run-dir', self.run_dir,
            '--state-dir', folder / 'state', '--http', '127.0.0.1:0')], folder / 'pulsed.log')

    def address(self) -> str:
        return '127.0.0.1:' + self.wait_for_line(r'http://127\.0\.0\.1:(\d+)/metrics', PATIENCE_S).group(1)


class Alertmanager(Process):
    """Tells one webhook of every alert, at once."""

    def __init__(self, folder: Path, webhook: str):
        config = folder / 'alertmanager.yaml'
        config.write_text(yaml.safe_dump({
            'route': {'receiver': 'webhook', 'group_by': ['alertname'], 'group_wait': '0s', 'group_interval': '1s',
                      'repeat_interval': '1h'},
            'receivers': [{'name': 'webhook', 'webhook_configs': [{'url': webhook}]}]}))
        # An empty cluster address, so that it listens nowhere else.
        super().__init__('prometheus-alertmanager', [
            '/usr/bin/prometheus-alertmanager', f'--config.file={config}', f'--storage.path={folder / "alertmanager"}',
            '--web.listen-address=127.0.0.1:0', '--cluster.listen-address='], folder / 'alertmanager.log')

    def address(self) -> str:
        return '127.0.0.1:' + self.wait_for_line(LISTENING, PATIENCE_S).group(1)


class Prometheus(Process):
    """Scrapes one pulsed as the job "pulsed"."""

    INTERVAL = '500ms'
    STEP_S = 0.5

    def __init__(self, folder: Path, target: str, rules: Dict[str, str], alertmanager: str = ''):
        for name, text in rules.items():
            (folder / name).write_text(text)
        config = {'global': {'scrape_interval': self.INTERVAL, 'scrape_timeout': self.INTERVAL, 'evaluation_interval': self.INTERVAL},
                  'rule_files': list(rules),
                  'scrape_configs': [{'job_name': 'pulsed', 'static_configs': [{'targets': [target]}]}]}
        if alertmanager:
            config['alerting'] = {'alertmanagers': [{'static_configs': [{'targets': [alertmanager]}]}]}
        (folder / 'prometheus.yaml').write_text(yaml.safe_dump(config))
        self.begin = time.time()
        self._port = None
        super().__init__('prometheus', [
            '/usr/bin/prometheus', f'--config.file={folder / "prometheus.yaml"}', f'--storage.tsdb.path={folder / "prometheus"}',
            '--web.listen-address=127.0.0.1:0'], folder / 'prometheus.log')

    def wait_ready(self) -> None:
        self._port = self.wait_for_line(LISTENING, PATIENCE_S).group(1)
        self.wait_for_line('Server is ready to receive web requests', PATIENCE_S)

    def _ask(self, path: str, **parameters):
        # No proxy is to see, or be asked for, what goes over loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        url = f'http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}'
        try:
            with opener.open(url, timeout=PATIENCE_S) as answer:
                return json.load(answer)['data']
        except urllib.error.HTTPError as error:
            raise AssertionError(f'{error.read().decode()}: {parameters}') from None

    def now(self, expr: str) -> List[Dict]:
        """Labels and value of each series at this moment."""
        return [{**each['metric'], 'value': float(each['value'][1])} for each in self._ask('query', query=expr)['result']]

    def over_the_run(self, expr: str) -> List[Dict]:
        """Labels and the points that are numbers of each series since the beginning, of those that have any."""
        found = []
        # The last step lies ahead, so that what now() showed is in it.
        end = time.time() + self.STEP_S
        for each in self._ask('query_range', query=expr, start=self.begin, end=end, step=self.STEP_S)['result']:
            points = [(at, float(value)) for at, value in each['values'] if not math.isnan(float(value))]
            if points:
                found.append({'labels': each['metric'], 'points': points})
        return found

    def judged(self) -> bool:
        """Whether each rule was evaluated; raises if one cannot be."""
        rules = [rule for group in self._ask('rules')['groups'] for rule in group['rules']]
        failing = [rule['name'] for rule in rules if rule['health'] == 'err']
        if failing:
            raise AssertionError(f'rules that fail: {failing}')
        return bool(rules) and all(rule['health'] == 'ok' for rule in rules)

    def label_values(self, selector: str, label: str) -> List[str]:
        return self._ask(f'label/{label}/values', **{'match[]': selector, 'start': self.begin, 'end': time.time()})
