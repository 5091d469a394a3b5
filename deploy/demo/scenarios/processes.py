"""Child processes that never outlive this one, and that say what was wrong when they fail."""

import ctypes
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)
CLOCK_TICKS = os.sysconf('SC_CLK_TCK')


class ProcessFailed(Exception):
    pass


def _die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def child_options() -> Dict[str, Any]:
    """How every child is started: it dies with us; in a session of its own, as under a service manager; and what the
    caller's environment says to pulsed is not meant for it."""
    return {'stdin': subprocess.DEVNULL, 'start_new_session': True, 'preexec_fn': _die_with_parent,
            'env': {name: value for name, value in os.environ.items() if not name.startswith('PULSED_')}}


class Process:
    """A child with its output in a file. A context manager: leaving it ends the child, by its pid."""

    def __init__(self, name: str, command: List[str], log: Path):
        self.name = name
        self.log = log
        with open(log, 'wb') as out:
            self._child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, **child_options())

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()

    @property
    def pid(self) -> int:
        return self._child.pid

    def output(self) -> str:
        return self.log.read_text(errors='replace')

    def failure(self, what: str) -> ProcessFailed:
        tail = '\n'.join('    ' + line for line in self.output().splitlines()[-15:])
        return ProcessFailed(f'{self.name} {what}' + (f'; the end of its output:\n{tail}' if tail else ''))

    def check_alive(self) -> None:
        status = self._child.poll()
        if status is not None:
            raise self.failure(f'ended by itself with {describe_status(status)}')

    def wait_for_line(self, pattern: str, timeout_s: float) -> "re.Match[str]":
        deadline = time.monotonic() + timeout_s
        while True:
            match = re.search(pattern, self.output(), re.MULTILINE)
            if match:
                return match
            self.check_alive()
            if time.monotonic() > deadline:
                raise self.failure(f'did not print "{pattern}" within {timeout_s:.0f} s')
            time.sleep(0.01)

    def stop(self, timeout_s: float) -> None:
        """SIGTERM; anything but a prompt exit with status 0 is a failure."""
        self.check_alive()
        self._child.send_signal(signal.SIGTERM)
        try:
            status = self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise self.failure(f'did not end within {timeout_s:.0f} s of SIGTERM') from None
        if status != 0:
            raise self.failure(f'ended with {describe_status(status)} on SIGTERM')

    def cpu_seconds(self) -> float:
        """User and system time of the child so far."""
        stat = Path(f'/proc/{self.pid}/stat').read_text()
        fields = stat.rpartition(')')[2].split()  # the name before it may hold spaces
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def describe_status(status: Optional[int]) -> str:
    if status is not None and status < 0:
        return f'signal {signal.Signals(-status).name}'
    return f'exit status {status}'
