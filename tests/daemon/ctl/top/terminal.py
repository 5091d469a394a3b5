"""`pulsectl top` as an operator meets it: on a pseudo-terminal, under a shell, seen through a terminal emulator."""

import os
import re
import shlex
import signal
import time
from pathlib import Path

import pexpect
import pyte

PATIENCE_S = 20 * float(os.environ.get('PULSED_TEST_SLOW', '1'))
ENTER, ESC, BACKSPACE, CTRL_C, CTRL_Z, LEFT, DOWN = '\r', '\x1b', '\x7f', '\x03', '\x1a', '\x1bOD', '\x1bOB'
ALTERNATE = re.compile(rb'\x1b\[\?1049([hl])')
PROMPT = 'ready> '


class Terminal:
    """A shell with the pseudo-terminal as its own. A context manager: leaving it ends the shell and what it runs."""

    def __init__(self, folder, columns=80, lines=24, **environment):
        self._folder = Path(folder)
        env = {name: value for name, value in os.environ.items()
               if not name.startswith('PULSED_') and name not in ('NO_COLOR', 'LINES', 'COLUMNS')}
        env.update({'TERM': 'screen-256color', 'LC_ALL': 'C.UTF-8', 'PS1': PROMPT, **environment})
        self.display = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.display)
        self.bytes = b''
        self._child = pexpect.spawn('bash', ['--norc', '--noprofile', '--noediting', '-i'], env=env,
                                    dimensions=(lines, columns), timeout=PATIENCE_S)
        self.wait_for(PROMPT.strip())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._child.close(force=True)

    # What is seen.

    def read(self, timeout=0.05):
        """Takes in what was written so far."""
        try:
            data = self._child.read_nonblocking(65536, timeout)
        except pexpect.TIMEOUT:
            return
        self.bytes += data
        self._stream.feed(data)

    def text(self):
        return '\n'.join(line.rstrip() for line in self.display.display)

    def row(self, pattern):
        """The first line that has it; empty if none has."""
        return next((line.rstrip() for line in self.display.display if re.search(pattern, line)), '')

    def wait_for(self, what, patience_s=PATIENCE_S):
        """Until the text has this pattern, or the condition holds; fails with what was seen."""
        holds = what if callable(what) else lambda: re.search(what, self.text(), re.MULTILINE)
        deadline = time.monotonic() + patience_s
        while True:
            self.read()
            found = holds()
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f'{what} did not come within {patience_s} s; seen was:\n{self.text()}')

    def in_alternate_screen(self):
        switches = ALTERNATE.findall(self.bytes)
        return bool(switches) and switches[-1] == b'h'

    def color_of(self, word):
        """The colour in which the word is written where it comes first."""
        for y, line in enumerate(self.display.display):
            if word in line:
                return self.display.buffer[y][line.index(word)].fg
        raise AssertionError(f'{word} is not on the screen:\n{self.text()}')

    # What is done.

    def press(self, keys):
        self._child.send(keys)

    def resize(self, columns, lines):
        self.display.resize(lines, columns)
        self._child.setwinsize(lines, columns)

    def start(self, command):
        """Runs it in the shell, which notes its pid, its exit status, and the terminal's settings around it."""
        pid, status = self._folder / 'pid', self._folder / 'status'
        for old in (pid, status):
            old.unlink(missing_ok=True)
        words = ' '.join(shlex.quote(str(word)) for word in command)
        script = self._folder / 'run.sh'
        script.write_text(f'stty -a > {self._folder}/before\n'
                          f'sh -c \'echo $$ > {pid}; exec "$@"\' sh {words}\n'
                          f'echo $? > {status}.new\nstty -a > {self._folder}/after\nmv {status}.new {status}\n')
        self.press(f'. {script}\r')
        self.wait_for(lambda: pid.exists() and pid.read_text().strip())
        return int(pid.read_text())

    def wait_for_exit(self):
        """The exit status as the shell has it. The terminal must be as it was before."""
        status = self._folder / 'status'
        self.wait_for(status.exists)
        self.wait_for(PROMPT.strip())
        return int(status.read_text())

    def settings(self):
        """What stty says: before the program, after it."""
        return tuple((self._folder / name).read_text() for name in ('before', 'after'))


def end(pid, how=signal.SIGKILL):
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        pass
