"""How `pulsectl top` ends, and what it leaves behind; and frames for scripts, which take no terminal."""

import os
import re
import signal
import time
import unittest
from pathlib import Path

from terminal import CTRL_C, PATIENCE_S
from top_case import PULSECTL, TopCase, check_left_as_it_was


class HowItEnds(TopCase):
    def setUp(self):
        super().setUp()
        self.serve()

    def ends(self, how, status):
        terminal = self.top()
        terminal.wait_for('^shop')
        how(terminal)
        self.assertEqual(terminal.wait_for_exit(), status)
        check_left_as_it_was(self, terminal)

    def test_with_q(self):
        self.ends(lambda terminal: terminal.press('q'), 0)

    def test_with_control_c(self):
        self.ends(lambda terminal: terminal.press(CTRL_C), 0)

    def test_while_a_filter_is_typed(self):
        self.ends(lambda terminal: terminal.press('/sho' + CTRL_C), 0)

    def test_with_sigint(self):
        self.ends(lambda _: os.kill(self.pid, signal.SIGINT), 0)

    def test_with_sigterm(self):
        self.ends(lambda _: os.kill(self.pid, signal.SIGTERM), 128 + signal.SIGTERM)

    def test_with_sighup(self):
        self.ends(lambda _: os.kill(self.pid, signal.SIGHUP), 128 + signal.SIGHUP)

    def test_with_a_crash(self):
        self.ends(lambda _: os.kill(self.pid, signal.SIGSEGV), 128 + signal.SIGSEGV)

    def test_without_a_daemon(self):
        def stop_the_daemon_and_quit(terminal):
            self.stop_serving()
            terminal.wait_for('not connected')
            terminal.press('q')
        self.ends(stop_the_daemon_and_quit, 0)

    def test_when_the_terminal_takes_no_more_output(self):
        for i in range(500):
            self.world.add_class('shop', f'class-{i:04}-' + 'x' * 40)
        terminal = self.top()
        terminal.wait_for('^shop')
        terminal.resize(400, 400)
        terminal.press('12' * 50)  # some megabytes, of which nobody reads one byte
        self.wait_until(lambda: self.written_in(1) == 0)  # where frames are due each 200 ms
        os.kill(self.pid, signal.SIGTERM)
        self.wait_until(lambda: not Path(f'/proc/{self.pid}/comm').exists())
        self.assertEqual(terminal.wait_for_exit(), 128 + signal.SIGTERM)
        # But for its size, which we changed, the terminal is as it was; only what it did not take cannot be taken back.
        before, after = (text.split('\n', 1)[1] for text in terminal.settings())
        self.assertEqual(before, after)

    def written(self):
        """Bytes written by the thread that draws."""
        return int(re.search(r'(?m)^wchar: (\d+)', Path(f'/proc/{self.pid}/task/{self.pid}/io').read_text()).group(1))

    def written_in(self, seconds):
        before = self.written()
        time.sleep(seconds)
        return self.written() - before

    def wait_until(self, holds):
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)


class Batch(TopCase):
    def test_a_frame_is_plain_text_with_rates_and_all_rows(self):
        self.serve()
        done = self.batch('-n', '1', '--view', 'classes')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertNotIn('\x1b', done.stdout)
        self.assertRegex(done.stdout, r'(?m)^shop +/export +I +enf +[1-9]\d+(\.\d)? ')
        self.assertRegex(done.stdout, r'(?m)^mail +send +Y +sha ')
        self.assertRegex(done.stdout, r'pulsed 9\.8\.7')

    def test_on_a_terminal_too(self):
        self.serve()
        terminal = self.terminal()
        terminal.start([PULSECTL, 'top', '-n', '1', '--run-dir', self.run_dir, '-d', '0.2'])
        self.assertEqual(terminal.wait_for_exit(), 0)
        self.assertFalse(terminal.in_alternate_screen())
        terminal.wait_for('^shop')

    def test_without_a_terminal_it_is_one_frame_by_default(self):
        self.serve()
        done = self.batch()
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(re.findall('(?m)^SERVICE', done.stdout)), 1)

    def test_a_terminal_that_cannot_be_drawn_on_is_refused_and_left_as_it_was(self):
        self.serve()
        for term in ('dumb', 'unheard-of', ''):
            with self.subTest(term):
                terminal = self.terminal(TERM=term)
                terminal.start([PULSECTL, 'top', '--run-dir', self.run_dir])
                self.assertEqual(terminal.wait_for_exit(), 2)
                terminal.wait_for('pulsectl: .*terminal')
                before, after = terminal.settings()
                self.assertEqual(before, after)

    def test_as_many_frames_as_asked_for(self):
        self.serve()
        done = self.batch('-n', '3', '-d', '0.1', '--filter', 'sho')
        self.assertEqual(len(re.findall('(?m)^SERVICE', done.stdout)), 3)
        self.assertEqual(len(re.findall('(?m)^shop ', done.stdout)), 3)
        self.assertNotIn('mail', done.stdout)

    def test_no_daemon_is_said_and_has_its_exit_code(self):
        done = self.batch('-n', '1')
        self.assertEqual((done.returncode, done.stdout), (3, ''))
        self.assertRegex(done.stderr, '^pulsectl: .*no such socket')

    def test_a_command_line_that_makes_no_sense_is_refused(self):
        for options in (['-d', '0'], ['-d', 'x'], ['-n', '0'], ['--view', 'tasks'], ['--sort', 'polls', '--view', 'workers'],
                        ['-o', 'json']):
            with self.subTest(options):
                self.assertEqual(self.batch(*options).returncode, 2)


if __name__ == '__main__':
    unittest.main()
