"""What the tests of pulsectl begin with: a pulsed of their own, services that attach to it, and pulsectl itself."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

BIN = Path(os.environ['PULSED_BIN_DIR'])
# Deadlines are generous: they end a test that hangs, and say nothing of how fast things are.
PATIENCE_S = 20 * float(os.environ.get('PULSED_TEST_SLOW', '1'))

# Before a command: it ends with the thread that started it, also where that is killed from outside.
WITH_US = ('setpriv', '--pdeathsig', 'KILL')

OK, FAILED, USAGE, UNREACHABLE, CONFLICT, NO_RIGHT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


def eventually(holds, what):
    """The first true value of `holds`."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'{what} within {PATIENCE_S} s')
        time.sleep(0.02)


def environment(**more):
    """Nothing of whoever runs the tests decides what is seen."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith('PULSED_') and name not in ('NO_COLOR', 'VISUAL', 'EDITOR')}
    return {**env, 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC', **more}


class Running:
    """A program that goes on; what it says is read as it comes."""

    def __init__(self, command, **how):
        self.process = subprocess.Popen([*WITH_US, *map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1, **how)
        for stream in (self.process.stdout, self.process.stderr):
            os.set_blocking(stream.fileno(), False)
        self.out = self.err = ''

    def read(self):
        for name in ('out', 'err'):
            stream = self.process.stdout if name == 'out' else self.process.stderr
            try:
                data = os.read(stream.fileno(), 65536)
            except BlockingIOError:
                continue
            setattr(self, name, getattr(self, name) + data.decode())

    def says(self, text, where='out'):
        def said():
            self.read()
            if text not in getattr(self, where) and self.process.poll() is not None:
                self.read()
                if text not in getattr(self, where):
                    raise AssertionError(f'ended with {self.process.returncode} without {text!r}:\n{self.out}\n{self.err}')
            return text in getattr(self, where)
        try:
            return eventually(said, text)
        except AssertionError as e:
            raise AssertionError(f'{e}; said was:\n{self.out}\n{self.err}') from None

    def tell(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()

    def interrupt(self, how=signal.SIGINT):
        self.process.send_signal(how)
        return self.ended()

    def ended(self):
        code = self.process.wait(PATIENCE_S)
        self.read()
        return code

    def close(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


class CtlCase(unittest.TestCase):
    config = ''  # pulsed.yaml

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='pulsed-ctl-')
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o755)  # other users reach the sockets through it
        self.run_dir = self.folder / 'run'
        self.daemon = None

    # The daemon.

    def start(self, wait=True):
        (self.folder / 'pulsed.yaml').write_text(self.config + '\n')
        log = open(self.folder / 'pulsed.log', 'a')
        self.addCleanup(log.close)
        self.daemon = subprocess.Popen(
            [*WITH_US, BIN / 'pulsed', '--config', self.folder / 'pulsed.yaml', '--run-dir', self.run_dir, '--state-dir',
             self.folder / 'state', '--http', 'off'], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())
        self.addCleanup(self.kill, self.daemon)
        if wait:
            eventually(self.answers, 'pulsed answers')

    def answers(self):
        if self.daemon.poll() is not None:
            raise AssertionError('pulsed ended:\n' + (self.folder / 'pulsed.log').read_text())
        return self.ctl('status').returncode == OK

    @staticmethod
    def kill(process):
        process.kill()
        process.wait(PATIENCE_S)

    def stop(self):
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(PATIENCE_S), 0)

    def service(self, name, *classes, burn_us=200):
        """A service one of whose workers polls each of the classes."""
        running = Running([BIN / 'tests/integration_service', self.run_dir, name, str(len(classes) + 1)])
        self.addCleanup(running.close)
        for worker, task_class in enumerate(classes):
            running.tell(f'work {worker} {task_class} {burn_us} 1000 ignore')
        # The name first: a class is in the list once it was seen.
        eventually(lambda: name in self.ctl('services').stdout, f'{name} attaches')
        for task_class in classes:
            eventually(lambda: task_class in self.ctl('classes').stdout, f'{task_class} is seen')
        return running

    # pulsectl.

    def command(self, *arguments):
        return [str(word) for word in (BIN / 'pulsectl', '--run-dir', self.run_dir, *arguments)]

    def ctl(self, *arguments, stdin='', env=None, **how):
        return subprocess.run(self.command(*arguments), input=stdin, capture_output=True, text=True, timeout=PATIENCE_S * 3,
                              env=env or environment(), **how)

    def good(self, *arguments, **how):
        """What it prints, having succeeded."""
        done = self.ctl(*arguments, **how)
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        return done.stdout

    def json(self, *arguments, **how):
        return json.loads(self.good(*arguments, '-o', 'json', **how))

    def refused(self, code, *arguments, **how):
        """What it says, having ended with `code`."""
        done = self.ctl(*arguments, **how)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertTrue(done.stderr.startswith('pulsectl: '), done.stderr)
        return done.stderr

    def following(self, *arguments):
        running = Running(self.command(*arguments), env=environment())
        self.addCleanup(running.close)
        return running

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path
