"""One run: a fresh service, with or without a fresh daemon, under the load of one scenario."""

import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

from . import loopback
from .daemon import SERVICE, STOP_TIMEOUT_S, Daemon
from .metrics_text import Metrics
from .processes import Process, ProcessFailed, child_options

SERVICE_START_TIMEOUT_S = 30
SETTLE_S = 0.15  # in which the daemon, which reads every 10 ms at rest, has read what the service wrote last


MODES = ('bare', 'shadow', 'enforce')


class Scenario(NamedTuple):
    name: str
    tasks: str            # of pulsed-demo --tasks
    heavy: str            # route of the closed loops, without its slash
    heavy_loops: int
    price_part: float     # of the light requests; the others are /lookup
    measured_part: float  # of --seconds: more where p99.9 is judged, which needs many requests
    modes: Tuple[str, ...] = MODES  # by default
    policy: str = ''      # beside `enforcement`, in YAML
    by_default: bool = True


SCENARIOS = (
    Scenario('unloaded', 'connection', 'report', 0, 0.0, 0.5),
    Scenario('checkpoints', 'connection', 'report', 4, 0.0, 0.6),
    Scenario('fresh_tasks', 'request', 'report', 4, 0.0, 0.6),
    Scenario('no_checkpoints', 'connection', 'export', 4, 0.0, 1.0, ('bare', 'enforce')),
    Scenario('lock', 'connection', 'restock', 4, 0.1, 1.0, ('bare', 'enforce')),
    # Where tasks may not change threads only spare workers and demotion are left. Three hogs, as two workers and two spare
    # workers leave none for anybody else beside four.
    Scenario('in_place', 'connection', 'export', 3, 0.0, 1.0, ('bare', 'enforce'), 'defaults: {max_tier: yield}\n', False),
)


class Settings(NamedTuple):
    binaries: Path
    folder: Path  # for logs and sockets
    report_steps: int
    light_rate: float  # requests a second
    seconds: float
    warmup_seconds: float


class Outcome(NamedTuple):
    scenario: Scenario
    mode: str
    load: Dict[str, Any]      # what pulsed-load --json says
    served: Dict[str, int]    # what the service says, at /stats
    service_cpu_s: float
    metrics: Optional[Metrics]
    daemon_cpu_percent: Optional[float]


def measured_seconds(scenario: Scenario, settings: Settings) -> float:
    return settings.seconds * scenario.measured_part


def run(scenario: Scenario, mode: str, seed: int, settings: Settings) -> Outcome:
    folder = settings.folder / f'{scenario.name}-{mode}-{seed}'
    folder.mkdir()
    with ExitStack() as stack:
        daemon = None
        if mode != 'bare':
            daemon = stack.enter_context(Daemon(settings.binaries / 'pulsed', folder, f'enforcement: {mode}\n{scenario.policy}'))
            daemon.wait_ready()
        service = stack.enter_context(_start_service(scenario, daemon, settings, folder))
        port = service.wait_for_line(r'listening on 127\.0\.0\.1:(\d+)$', SERVICE_START_TIMEOUT_S).group(1)
        if daemon:
            daemon.wait_attached()
        outcome = _measure(scenario, mode, seed, settings, daemon, service, port)
        service.stop(STOP_TIMEOUT_S)
        if daemon:
            daemon.stop(STOP_TIMEOUT_S)
    shutil.rmtree(folder)  # kept when the run failed
    return outcome


def _start_service(scenario: Scenario, daemon: Optional[Daemon], settings: Settings, folder: Path) -> Process:
    how = ['--run-dir', str(daemon.run_dir)] if daemon else ['--bare']
    return Process(SERVICE, [str(settings.binaries / 'pulsed-demo'), '--port', '0', '--threads', '2',
                             '--tasks', scenario.tasks, '--report-steps', str(settings.report_steps), *how],
                   folder / 'pulsed-demo.log')


def _measure(scenario: Scenario, mode: str, seed: int, settings: Settings, daemon: Optional[Daemon],
             service: Process, port: str) -> Outcome:
    cpu_before, started = (daemon.cpu_seconds() if daemon else 0.0), time.monotonic()
    load = _run_load(scenario, seed, settings, port)
    elapsed = time.monotonic() - started
    service.check_alive()
    served = loopback.get(f'http://127.0.0.1:{port}/stats')
    if served is None:
        raise service.failure('did not answer GET /stats')
    percent, metrics = None, None
    if daemon:
        percent = 100 * (daemon.cpu_seconds() - cpu_before) / elapsed
        time.sleep(SETTLE_S)
        metrics = daemon.scrape()
    return Outcome(scenario, mode, load, json.loads(served), service.cpu_seconds(), metrics, percent)


def _run_load(scenario: Scenario, seed: int, settings: Settings, port: str) -> Dict[str, Any]:
    seconds = measured_seconds(scenario, settings)
    command = [str(settings.binaries / 'pulsed-load'), '--json', '--port', port, '--seed', str(seed),
               '--lookup-rate', str(settings.light_rate * (1 - scenario.price_part)),
               '--price-rate', str(settings.light_rate * scenario.price_part),
               '--heavy', scenario.heavy, '--heavy-loops', str(scenario.heavy_loops),
               '--seconds', str(seconds), '--warmup', str(settings.warmup_seconds)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, **child_options(),
                              timeout=seconds + settings.warmup_seconds + 30)
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise ProcessFailed('pulsed-load did not end in time') from None
    except ValueError:
        raise ProcessFailed(f'pulsed-load ended with exit status {done.returncode}: {done.stderr.strip()}') from None


def calibrate_report_steps(binaries: Path) -> "tuple[int, float]":
    """Steps and CPU milliseconds of one report on this machine: found once, so that all runs do the same work."""
    done = subprocess.run([str(binaries / 'pulsed-demo'), '--calibrate'], capture_output=True, text=True, timeout=60,
                          **child_options())
    words = done.stdout.split()
    if done.returncode != 0 or len(words) < 6:
        raise ProcessFailed(f'pulsed-demo --calibrate failed: {done.stderr.strip() or done.stdout.strip()}')
    return int(words[3]), float(words[5])
