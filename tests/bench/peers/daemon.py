"""The `pulsed` of one run, with a policy of its own, in directories of its own."""

import json
import re
import time
from pathlib import Path
from typing import Any, Dict

from scenarios import loopback, metrics_text
from scenarios.daemon import START_TIMEOUT_S, free_port
from scenarios.processes import Process


class Daemon(Process):
    def __init__(self, binary: Path, folder: Path, fields: Dict[str, Any]):
        self.run_dir = folder / 'run'
        state_dir = folder / 'state'
        for created in (self.run_dir, state_dir):
            created.mkdir()
        policy = folder / 'policy.yaml'
        policy.write_text(json.dumps({'enforcement': 'enforce', 'defaults': fields}) + '\n')  # JSON is YAML, too
        config = folder / 'pulsed.yaml'  # empty, so that one in /etc does not count
        config.write_text('')
        self._url = f'http://127.0.0.1:{free_port()}'
        super().__init__('pulsed', [str(binary), '--config', str(config), '--run-dir', str(self.run_dir),
                                    '--state-dir', str(state_dir), '--policy', str(policy),
                                    '--http', self._url.removeprefix('http://')],
                         folder / 'pulsed.log')

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while loopback.get(self._url + '/-/ready') is None:
            self.check_alive()
            if time.monotonic() > deadline:
                raise self.failure(f'was not ready within {START_TIMEOUT_S} s')
            time.sleep(0.02)

    def acts(self) -> Dict[str, float]:
        """The totals of all metrics that say what it did, by name."""
        text = loopback.get(self._url + '/metrics')
        if text is None:
            raise self.failure('did not answer GET /metrics')
        metrics = metrics_text.parse(text)
        names = set(re.findall(r'^pulsed_\w*(?:spare|demot|isolated|drop)\w*', text, re.MULTILINE))
        return {name: metrics.total(name) for name in sorted(names) if not name.endswith('_bucket')}
