"""What is run, and one run: a fresh program, with or without a fresh daemon, and the generator of requests."""

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

from daemon import Daemon
from scenarios.daemon import STOP_TIMEOUT_S
from scenarios.processes import Process, ProcessFailed, child_options, describe_status

RUN_TIMEOUT_S = 30
SPARES = 6  # more than the hogs that two workers leave waiting


class Runtime(NamedTuple):
    name: str
    program: str
    arguments: Tuple[str, ...] = ()
    policy: Optional[Dict[str, Any]] = None  # fields that differ from their defaults; None: no daemon
    unloaded_as: Optional[str] = None        # without a hog it is the same as that one, which runs in its place


RUNTIMES = (
    Runtime('asio', 'asio'),
    Runtime('asio + pulsed', 'asio', policy={}),
    Runtime('asio + pulsed, spares', 'asio', ('--spares', str(SPARES)),
            {'max_tier': 'yield', 'max_spare_workers': SPARES}, 'asio + pulsed'),
    Runtime('go', 'go'),
    Runtime('tokio', 'tokio'),
    Runtime('tokio, in place', 'tokio', ('--block-in-place',), unloaded_as='tokio'),
)


class Scenario(NamedTuple):
    name: str
    arguments: Tuple[str, ...]
    warmup_s: float
    seconds: float
    polls: bool = False  # is throughput counted?


UNLOADED = 'no hogs'
HOGS = '4 hogs'
ENDLESS = '1 endless'
SCENARIOS = (
    Scenario(UNLOADED, (), 0.3, 0.7),
    Scenario(HOGS, ('--hogs', '4'), 0.5, 1.4, polls=True),
    Scenario(ENDLESS, ('--endless', '1'), 0.3, 0.7),
)


class Settings(NamedTuple):
    binaries: Path
    folder: Path  # for logs and sockets
    poll_steps: int


class Outcome(NamedTuple):
    light_ns: list            # sorted
    unserved: int             # of them: when the run ended they had not run, and count as long as they waited
    polls_per_s: float
    requests: Dict[str, Any]  # what the generator says of itself
    daemon_cpu_percent: Optional[float]
    daemon_acts: Optional[Dict[str, float]]


def schedule(repetitions: int, absent):
    """All runs, the runtimes in another order each time, so that what drifts on the machine meets all of them alike."""
    runtimes = [runtime for runtime in RUNTIMES if runtime.program not in absent]
    for repetition in range(1, repetitions + 1):
        shift = repetition % len(runtimes)
        for scenario in SCENARIOS:
            for runtime in runtimes[shift:] + runtimes[:shift]:
                if scenario.name != UNLOADED or not runtime.unloaded_as:
                    yield repetition, scenario, runtime


def run(scenario: Scenario, runtime: Runtime, seed: int, settings: Settings) -> Outcome:
    folder = Path(settings.folder, f'{scenario.name}-{runtime.name}-{seed}'.replace(' ', '_'))
    folder.mkdir()
    with ExitStack() as stack:
        daemon = None
        if runtime.policy is not None:
            daemon = stack.enter_context(Daemon(settings.binaries / 'pulsed', folder, runtime.policy))
            daemon.wait_ready()
        command = [str(settings.binaries / f'pulsed-peers-{runtime.program}'), *runtime.arguments, *scenario.arguments,
                   '--poll-steps', str(settings.poll_steps),
                   '--warmup', str(scenario.warmup_s), '--seconds', str(scenario.seconds)]
        if daemon:
            command += ['--run-dir', str(daemon.run_dir)]
        measured, requests = _measure(command, seed, settings, stack)
        percent, acts = None, None
        if daemon:
            percent = 100 * daemon.cpu_seconds() / (scenario.warmup_s + scenario.seconds)
            acts = daemon.acts()
            daemon.stop(STOP_TIMEOUT_S)
    return Outcome(sorted(measured['light_ns']), measured['unserved'], measured['polls_per_s'], requests, percent, acts)


def _measure(command, seed: int, settings: Settings, stack: ExitStack):
    """What the program and the generator print."""
    read_end, write_end = os.pipe()
    generator = subprocess.Popen([str(settings.binaries / 'pulsed-peers-requests'), '--seed', str(seed)],
                                 stdout=write_end, stderr=subprocess.PIPE, text=True, **child_options())
    stack.callback(_end, generator)
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               **{**child_options(), 'stdin': read_end})
    stack.callback(_end, program)
    os.close(read_end)
    os.close(write_end)
    try:
        output, errors = program.communicate(timeout=RUN_TIMEOUT_S)
        if program.returncode != 0:
            raise ProcessFailed(f'{command[0]} ended with {describe_status(program.returncode)}: {errors.strip()}')
        return json.loads(output), json.loads(generator.communicate(timeout=RUN_TIMEOUT_S)[1])
    except subprocess.TimeoutExpired:
        raise ProcessFailed(f'{command[0]} did not end in time') from None


def _end(child) -> None:
    if child.poll() is None:
        child.kill()
    child.wait()
