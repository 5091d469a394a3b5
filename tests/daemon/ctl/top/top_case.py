"""What the tests of `pulsectl top` begin with: a fake daemon in directories of its own, and a terminal that shows it."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from terminal import Terminal
from world import served, shop

PULSECTL = Path(os.environ['PULSED_BIN_DIR']) / 'pulsectl'


def check_left_as_it_was(case, terminal):
    before, after = terminal.settings()
    case.assertEqual(before, after)
    case.assertFalse(terminal.in_alternate_screen())
    case.assertFalse(terminal.display.cursor.hidden)


class TopCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='pulsed-top-')
        self.addCleanup(folder.cleanup)
        self.run_dir = Path(folder.name) / 'run'
        self.run_dir.mkdir()
        self.notes = Path(folder.name) / 'notes'
        self.notes.mkdir()
        self.world = shop()

    def serve(self):
        self.api = served(self.world, self.run_dir)
        self.addCleanup(self.stop_serving)

    def calls_begun(self):
        """Readings begin with GetStatus, one after another."""
        return self.api.begun['GetStatus']

    def calls_ended(self):
        """Answered or given up."""
        return self.api.ended['GetStatus']

    def stop_serving(self):
        api, self.api = self.api, None
        if api:
            api.close()

    def terminal(self, **how):
        terminal = Terminal(self.notes, **how)
        self.addCleanup(terminal.__exit__)
        return terminal

    def top(self, *options, **how):
        """A terminal that shows the services of the world."""
        terminal = self.terminal(**how)
        self.pid = terminal.start([PULSECTL, 'top', '--run-dir', self.run_dir, '-d', '0.2', *options])
        terminal.wait_for('^connected')
        return terminal

    def batch(self, *options, **environment):
        if '-d' not in options:
            options = ('-d', '0.2', *options)
        env = {name: value for name, value in os.environ.items() if name != 'NO_COLOR'}
        return subprocess.run([PULSECTL, 'top', '--run-dir', self.run_dir, *options], timeout=60, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env={**env, 'LC_ALL': 'C.UTF-8', **environment})
