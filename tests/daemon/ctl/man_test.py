"""The manual pages are well formed, and name every command and option of --help and no other."""

import re
import shutil
import subprocess
import unittest
from pathlib import Path

from ctl_case import BIN, PATIENCE_S, environment
from help_tree import all_help, help_of, long_options

PAGES = Path(__file__).resolve().parents[3] / 'deploy' / 'man'


def flags(text):
    """Of the list entries that begin with one: `.It Fl y , -yes Ar TEXT`."""
    found = set()
    for entry in re.findall(r'^\.It Fl (.*)$', text, re.M):
        names = re.split(r' (?:Ar|Cm) ', entry)[0]
        found |= {'-' + name for name in names.split(' , ')}
    return found


def sections(text, macro):
    """By heading, the text below it."""
    parts = re.split(rf'^\.{macro} (.*)$', text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


class Pages(unittest.TestCase):
    maxDiff = None

    def test_pulsectl_names_every_command_and_option_and_no_other(self):
        page = sections((PAGES / 'pulsectl.1').read_text(), 'Sh')
        tree = all_help()
        self.assertEqual(flags(page['DESCRIPTION']), set(tree[()].options))
        commands = sections(page['COMMANDS'], 'Ss')
        leaves = {path for path, found in tree.items() if not found.commands}
        self.assertEqual(set(commands), {' '.join(path) for path in leaves})
        for path in leaves:
            with self.subTest(path=path):
                self.assertEqual(flags(commands[' '.join(path)]), set(tree[path].options) - {'-h', '--help'})

    def test_pulsed_names_every_option_and_no_other(self):
        page = sections((PAGES / 'pulsed.8').read_text(), 'Sh')
        self.assertEqual(flags(page['DESCRIPTION']), set(help_of('pulsed').options))

    def test_exit_codes_are_those_of_help(self):
        for program, name in (('pulsectl', 'pulsectl.1'), ('pulsed', 'pulsed.8')):
            text = subprocess.run([BIN / program, '--help'], capture_output=True, text=True, timeout=PATIENCE_S).stdout
            told = re.findall(r'^  (\d+) ', text[text.index('Exit codes'):], re.M)
            page = sections((PAGES / name).read_text(), 'Sh')
            self.assertEqual(re.findall(r'^\.It (\d+)$', page['EXIT STATUS'], re.M), told)

    @unittest.skipUnless(shutil.which('mandoc'), 'mandoc is not installed')
    def test_mandoc_finds_nothing_wrong(self):
        for page in PAGES.iterdir():
            with self.subTest(page.name):
                done = subprocess.run(['mandoc', '-Tlint', '-Wstyle', page], capture_output=True, text=True, timeout=PATIENCE_S)
                # Whether other packages' pages are there is not ours to say.
                found = [line for line in (done.stdout + done.stderr).splitlines() if re.search(r':\d+:\d+: ', line)]
                self.assertEqual([line for line in found if 'referenced manual not found' not in line], [])

    @unittest.skipUnless(shutil.which('man') and shutil.which('groff'), 'man and groff are not installed')
    def test_man_warns_of_nothing(self):
        for page in PAGES.iterdir():
            with self.subTest(page.name):
                done = subprocess.run(['man', '--warnings', '-l', page], env=environment(MANWIDTH='100', MAN_KEEP_STDERR='1'),
                                      capture_output=True, text=True, timeout=PATIENCE_S)
                self.assertEqual((done.returncode, done.stderr), (0, ''))
                self.assertGreater(len(done.stdout), 2000)


if __name__ == '__main__':
    unittest.main()
