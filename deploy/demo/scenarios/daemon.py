"""One `pulsed` of our own, in directories of its own, on a free port."""

import socket
import time
from pathlib import Path

from . import loopback, metrics_text
from .processes import Process

START_TIMEOUT_S = 10
STOP_TIMEOUT_S = 5
SERVICE = 'pulsed-demo'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Daemon(Process):
    def __init__(self, binary: Path, folder: Path, policy_text: str):
        self.run_dir = folder / 'run'
        state_dir = folder / 'state'
        for created in (self.run_dir, state_dir):
            created.mkdir(parents=True)
        policy = folder / 'policy.yaml'
        policy.write_text(policy_text)
        config = folder / 'pulsed.yaml'  # empty, so that one in /etc does not count
        config.write_text('')
        self._url = f'http://127.0.0.1:{free_port()}'
        super().__init__('pulsed', [str(binary), '--config', str(config), '--run-dir', str(self.run_dir),
                                    '--state-dir', str(state_dir), '--policy', str(policy),
                                    '--http', self._url.removeprefix('http://')],
                         folder / 'pulsed.log')

    def wait_ready(self) -> None:
        self._wait(lambda: loopback.get(self._url + '/-/ready') is not None, 'be ready')

    def wait_attached(self) -> None:
        self._wait(lambda: self.scrape().total('pulsed_service_processes', service=SERVICE) == 1,
                   'show the service as attached')

    def scrape(self) -> metrics_text.Metrics:
        text = loopback.get(self._url + '/metrics')
        if text is None:
            self.check_alive()
            raise self.failure('did not answer GET /metrics')
        return metrics_text.parse(text)

    def _wait(self, condition, what: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            self.check_alive()
            if time.monotonic() > deadline:
                raise self.failure(f'did not {what} within {START_TIMEOUT_S} s')
            time.sleep(0.02)
