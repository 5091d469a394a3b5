"""`pulsectl top` on a real pulsed, over the running demo with a hog in it."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
from contextlib import ExitStack
from pathlib import Path

from scenarios.processes import Process
from terminal import CTRL_C, DOWN, ENTER, ESC, PATIENCE_S, Terminal
from top_case import PULSECTL, check_left_as_it_was

BIN = PULSECTL.parent
HOG = 'demo/export'
LIGHT = 'demo/lookup'
# Its rates are known: behind PID, WRK, TASKS and ABOVE comes CPU%.
WITH_RATES = r'^pulsed-demo( +\S+){4} +[\d.]+ '


class Demo:
    """pulsed, the demo, and a load of light requests beside two loops of a route that never yields."""

    def __init__(self, enforcement):
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix='pulsed-top-demo-')))
        self.run_dir = self.folder / 'run'
        for name in ('run', 'state'):
            (self.folder / name).mkdir()
        (self.folder / 'pulsed.yaml').write_text('')
        (self.folder / 'policy.yaml').write_text(f'enforcement: {enforcement}\n')
        self._daemons = 0
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        self.start_daemon()
        service = self._enter('pulsed-demo', ['--port', '0', '--threads', '2', '--run-dir', self.run_dir])
        port = service.wait_for_line(r'listening on 127\.0\.0\.1:(\d+)$', PATIENCE_S).group(1)
        self._enter('pulsed-load', ['--port', port, '--lookup-rate', '200', '--heavy', 'export', '--heavy-loops', '2',
                                    '--seconds', '600', '--warmup', '0'])
        self._wait_until(self._is_under_load, 'saw no load')

    def _enter(self, name, options, log=None):
        return self._stack.enter_context(Process(name, [str(BIN / name), *map(str, options)], self.folder / f'{log or name}.log'))

    def start_daemon(self):
        """In the directories of the one before it."""
        self._daemons += 1
        self.daemon = self._enter('pulsed', [
            '--config', self.folder / 'pulsed.yaml', '--policy', self.folder / 'policy.yaml', '--run-dir', self.run_dir,
            '--state-dir', self.folder / 'state', '--http', 'off'], f'pulsed-{self._daemons}')
        self._wait_until((self.run_dir / 'api.sock').exists, 'made no api.sock')

    def _wait_until(self, holds, failure):
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            self.daemon.check_alive()
            if time.monotonic() > deadline:
                raise self.daemon.failure(failure)
            time.sleep(0.02)

    def _is_under_load(self):
        seen = subprocess.run([PULSECTL, 'classes', '--run-dir', self.run_dir, '-o', 'json'], timeout=PATIENCE_S,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        polls = {each['class']: int(each['polls']) for each in json.loads(seen.stdout)['classes']} if seen.returncode == 0 else {}
        return polls.get(HOG, 0) > 0 and polls.get(LIGHT, 0) > 0

    def kill_daemon(self):
        self.daemon.__exit__(None, None, None)

    def stop(self):
        self._stack.close()


class DemoCase(unittest.TestCase):
    enforcement = 'enforce'

    @classmethod
    def setUpClass(cls):
        if cls is DemoCase:
            raise unittest.SkipTest('what the others have in common')
        cls.demo = Demo(cls.enforcement)
        cls.addClassCleanup(cls.demo.stop)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='pulsed-top-')
        self.addCleanup(folder.cleanup)
        self.notes = Path(folder.name)

    def top(self, *options):
        terminal = Terminal(self.notes)
        self.addCleanup(terminal.__exit__)
        self.pid = terminal.start([PULSECTL, 'top', '--run-dir', self.demo.run_dir, '-d', '0.2', *options])
        terminal.wait_for('^connected')
        return terminal

    def quit(self, terminal, status=0):
        self.assertEqual(terminal.wait_for_exit(), status)
        check_left_as_it_was(self, terminal)


class Enforced(DemoCase):
    def test_the_hog_is_seen_from_its_service_down_to_the_worker_it_holds(self):
        terminal = self.top()
        terminal.wait_for(WITH_RATES)
        terminal.press(ENTER)
        terminal.wait_for('^classes of pulsed-demo')
        # Its tier rises to isolate, and its polls of 20 ms are met in flight now and again.
        terminal.wait_for(lambda: re.search(rf'^{HOG} +[WYI] .* \d+(\.\d)?ms +', terminal.row(f'^{HOG}')))
        terminal.press('3')
        terminal.wait_for('^workers  ')
        hog = terminal.wait_for(lambda: re.search(rf'{HOG} +([WYI]) +([\d.]+[mu]s)', terminal.text()))
        self.assertTrue(hog)
        terminal.wait_for(rf'{HOG} +[WYI] .*(burning|runnable)')

    def test_its_classes_are_filtered_and_sorted(self):
        terminal = self.top('--view', 'classes')
        terminal.wait_for(lambda: re.search(rf'{HOG} +[MWYI] .*[1-9]\d', terminal.row(HOG)))
        terminal.wait_for(lambda: self.first_class(terminal) == HOG)
        terminal.press('P')
        terminal.wait_for(lambda: self.first_class(terminal) != HOG)
        terminal.press('r')
        terminal.wait_for(lambda: self.first_class(terminal) != LIGHT)
        terminal.press('/exp')
        terminal.wait_for(r'^classes  1 of \d+ .*filter: exp')
        terminal.wait_for(lambda: not terminal.row(LIGHT))
        terminal.press(ESC)
        terminal.wait_for(LIGHT)

    def first_class(self, terminal):
        lines = terminal.text().splitlines()
        first = next((i for i, line in enumerate(lines) if line.startswith('CLASS')), -2) + 1
        return (lines[first].split() + [''])[0]

    def test_pause_freezes_numbers_that_change_otherwise(self):
        terminal = self.top()
        first = terminal.wait_for(lambda: re.search(WITH_RATES, terminal.row('^pulsed-demo')) and terminal.row('^pulsed-demo'))
        terminal.wait_for(lambda: terminal.row('^pulsed-demo') != first)
        terminal.press(' ')
        terminal.wait_for('PAUSED')
        frozen = terminal.row('^pulsed-demo')
        for _ in range(20):
            terminal.read()
        self.assertEqual(terminal.row('^pulsed-demo'), frozen)
        terminal.press(' ')
        terminal.wait_for(lambda: terminal.row('^pulsed-demo') != frozen)

    def test_it_follows_the_size_of_its_window(self):
        terminal = self.top('--view', 'classes')
        for columns, lines in ((160, 45), (40, 10), (80, 24)):
            terminal.resize(columns, lines)
            terminal.wait_for(lambda: terminal.display.display[lines - 1].startswith('h help'))
            terminal.wait_for(HOG)

    def test_a_killed_daemon_is_told_and_its_successor_found_without_negative_rates(self):
        terminal = self.top()
        terminal.wait_for(WITH_RATES)
        self.demo.kill_daemon()
        terminal.wait_for('not connected: .*trying again')
        self.assertIn('pulsed-demo', terminal.text())
        self.demo.start_daemon()
        seen = set()
        terminal.wait_for(lambda: seen.add(terminal.row('^pulsed-demo')) or (
            re.search('^connected', terminal.text(), re.MULTILINE) and re.search(WITH_RATES, terminal.row('^pulsed-demo'))))
        self.assertFalse([row for row in seen if re.search(r' -\d', row)])
        terminal.press(CTRL_C)
        self.quit(terminal)

    def test_the_terminal_is_given_back_when_the_daemon_is_gone(self):
        self.addCleanup(self.demo.start_daemon)
        terminal = self.top()
        self.demo.kill_daemon()
        terminal.wait_for('not connected')
        terminal.press('q')
        self.quit(terminal)

    def test_the_terminal_is_given_back_on_each_signal(self):
        for how, status in ((signal.SIGINT, 0), (signal.SIGTERM, 128 + signal.SIGTERM)):
            with self.subTest(how):
                terminal = self.top()
                terminal.wait_for('^pulsed-demo')
                os.kill(self.pid, how)
                self.quit(terminal, status)

    def test_a_frame_for_scripts_has_the_hog_and_no_escape_codes(self):
        done = subprocess.run([PULSECTL, 'top', '-n', '1', '--view', 'classes', '--run-dir', self.demo.run_dir], timeout=PATIENCE_S * 3,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertNotIn('\x1b', done.stdout)
        self.assertRegex(done.stdout, rf'(?m)^pulsed-demo +{HOG} +[MWYI] +enf +\d+(\.\d)? ')


class Shadowed(DemoCase):
    enforcement = 'shadow'

    def test_what_would_be_done_to_the_hog_is_seen_before_the_switch(self):
        terminal = self.top('--view', 'classes')
        terminal.wait_for('shadow')
        terminal.wait_for(lambda: re.search(rf'{HOG} +[WYI] .* ~[1-9]', terminal.row(HOG)))
        self.assertNotRegex(terminal.row(LIGHT), '~[1-9]')
        terminal.press('t')
        terminal.wait_for(lambda: re.search(rf'{HOG} +[WYI] .* ~[1-9]', terminal.row(HOG)))


if __name__ == '__main__':
    unittest.main()
