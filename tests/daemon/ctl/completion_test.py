"""Completion offers what --help shows, and nothing else, in each shell."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import pexpect

from ctl_case import BIN, PATIENCE_S, environment
from help_tree import all_help, long_options

PULSECTL = BIN / 'pulsectl'


def script(shell):
    return subprocess.run([PULSECTL, 'completion', shell], check=True, capture_output=True, text=True, timeout=PATIENCE_S).stdout


def needs(shell):
    return unittest.skipUnless(shutil.which(shell), f'{shell} is not installed')


class Completion(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.help = all_help()
        cls.globals = long_options(cls.help[()].options)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='pulsed-completion-')
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / 'sub').mkdir()
        (self.folder / 'policy.yaml').touch()
        (self.folder / 'with a blank.yaml').touch()

    def file(self, shell):
        path = self.folder / f'pulsectl.{shell}'
        path.write_text(script(shell))
        return path

    def test_help_is_read_as_it_is(self):
        self.assertIn(('policy', 'set'), self.help)
        self.assertIn('--run-dir', self.globals)
        self.assertIn('--dry-run', self.help[('policy', 'set')].options)
        self.assertGreater(len(self.help), 20)

    # bash

    def bash(self, *words):
        """What bash offers after these words, of which the last may be begun."""
        array = ' '.join("'" + word + "'" for word in ('pulsectl', *words))
        program = (f'. "{self.file("bash")}"; COMP_WORDS=({array}); COMP_CWORD={len(words)}; COMPREPLY=(); _pulsectl; '
                   'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(['bash', '--norc', '-c', program], cwd=self.folder, env=environment(), capture_output=True,
                              text=True, timeout=PATIENCE_S)
        self.assertEqual(done.stderr.replace('bash: line 1: compopt: not currently executing completion function\n', ''), '')
        return {word for word in done.stdout.splitlines() if word}

    def test_bash_accepts_it(self):
        subprocess.run(['bash', '-n', self.file('bash')], check=True, timeout=PATIENCE_S)

    def test_bash_offers_every_command_and_option_of_help_and_nothing_else(self):
        for path, help_text in self.help.items():
            with self.subTest(path=path):
                self.assertEqual({o for o in self.bash(*path, '--') if o.startswith('--')},
                                 long_options(help_text.options) | self.globals)
                if help_text.commands:
                    self.assertEqual(self.bash(*path, ''), set(help_text.commands))

    def test_bash_finishes_what_was_begun(self):
        self.assertEqual(self.bash('stat'), {'status'})
        self.assertEqual(self.bash('policy', 'roll'), {'rollback'})
        self.assertEqual(self.bash('-o', 'j'), {'json'})
        self.assertEqual(self.bash('status', '--output', '='), {'table', 'json', 'yaml'})
        self.assertEqual(self.bash('status', '--output', '=', 'y'), {'yaml'})
        self.assertEqual(self.bash('--run-dir', 's'), {'sub'})
        self.assertEqual(self.bash('policy', 'set', 'pol'), {'policy.yaml'})
        self.assertEqual(self.bash('policy', 'diff', '3', 'pol'), {'policy.yaml'})
        self.assertEqual(self.bash('policy', 'set', 'with'), {'with a blank.yaml'})
        self.assertEqual(self.bash('enforcement', 'e'), {'enforce'})
        self.assertEqual(self.bash('pin', '--service', 'policy', ''), {'monitor', 'warn', 'yield', 'isolate'})
        self.assertEqual(self.bash('pin', '--service', ''), set(), 'a name is nothing we know')
        self.assertEqual(self.bash('--run-dir', 'policy', 'pol'), {'policy'}, 'the value of an option is no command')

    # zsh

    @needs('zsh')
    def test_zsh_accepts_it(self):
        subprocess.run(['zsh', '-f', '-n', self.file('zsh')], check=True, timeout=PATIENCE_S)

    def test_zsh_has_every_command_and_option_of_help_and_nothing_else(self):
        text = script('zsh')
        self.assertEqual(self.zsh_options(re.search(r'^typeset -ga _pulsectl_globals=\((.*?)^\)', text, re.M | re.S)[1]),
                         self.globals - {'--help'})
        functions = dict(re.findall(r'^(_pulsectl\w*)\(\) \{\n(.*?)^\}', text, re.M | re.S))
        self.assertEqual(set(functions), {'_'.join(('_pulsectl', *path)) for path in self.help})
        for path, help_text in self.help.items():
            with self.subTest(path=path):
                body = functions['_'.join(('_pulsectl', *path))]
                self.assertEqual(self.zsh_options(body), long_options(help_text.options))
                self.assertEqual(set(re.findall(r"^    '([a-z]+):", body, re.M)), set(help_text.commands))
                self.assertEqual(path != (), '$_pulsectl_globals' in body)

    @staticmethod
    def zsh_options(text):
        return {name for spec in re.findall(r"^ *(?:'\([^)]*\)'\{([^}]*)\}|'(--[a-z-]+))", text, re.M)
                for name in re.findall('--[a-z-]+', ' '.join(spec))}

    @needs('zsh')
    def test_zsh_completes(self):
        """In a zsh of its own on a pseudo-terminal, as `print` shows what a line became."""
        (self.folder / '_pulsectl').write_text(script('zsh'))
        zsh = pexpect.spawn('zsh', ['-f', '-i'], cwd=str(self.folder), timeout=PATIENCE_S, encoding='utf-8', dimensions=(50, 200),
                            env=environment(TERM='dumb', HOME=str(self.folder), ZDOTDIR=str(self.folder)))
        self.addCleanup(zsh.close)
        zsh.sendline(f"PS1='> '; fpath=('{self.folder}' $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep; "
                     'pulsectl() { print -r -- "became: $*." }; print RE""ADY')
        zsh.expect('READY\r')
        for typed, became in (('policy roll\t1 --dry\t', 'policy rollback 1 --dry-run'), ('enforcement obs\t', 'enforcement observe'),
                              ('policy set pol\t', 'policy set policy.yaml'),
                              ('policy diff 3 pol\t', 'policy diff 3 policy.yaml'), ('-o js\t stat\t', '-o json status'),
                              ('status --col\talw\t', 'status --color=always')):
            with self.subTest(typed):
                zsh.send(f'pulsectl {typed}\r')
                zsh.expect(r'became: ([^\r]*?) *\.\r')
                self.assertEqual(' '.join(zsh.match[1].split()), became)

    # fish

    def fish(self, line):
        done = subprocess.run(['fish', '--no-config', '-c', f'source {self.file("fish")}; complete -C "{line}"'], cwd=self.folder,
                              env=environment(HOME=str(self.folder)), capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.stderr, '')
        return {offer.split('\t')[0] for offer in done.stdout.splitlines()}

    @needs('fish')
    def test_fish_accepts_it(self):
        subprocess.run(['fish', '--no-execute', self.file('fish')], check=True, timeout=PATIENCE_S)

    @needs('fish')
    def test_fish_offers_every_command_and_option_of_help_and_nothing_else(self):
        for path, help_text in self.help.items():
            with self.subTest(path=path):
                words = ' '.join(('pulsectl', *path))
                self.assertEqual({o.rstrip('=') for o in self.fish(words + ' --') if o.startswith('--')},
                                 long_options(help_text.options) | self.globals)
                if help_text.commands:
                    self.assertEqual(self.fish(words + ' '), set(help_text.commands))

    @needs('fish')
    def test_fish_finishes_what_was_begun(self):
        self.assertEqual(self.fish('pulsectl stat'), {'status'})
        self.assertEqual(self.fish('pulsectl -o '), {'table', 'json', 'yaml'})
        self.assertEqual(self.fish('pulsectl policy set pol'), {'policy.yaml'})
        self.assertEqual(self.fish('pulsectl policy diff 3 pol'), {'policy.yaml'})
        self.assertEqual(self.fish('pulsectl pin --service policy '), {'monitor', 'warn', 'yield', 'isolate'})
        self.assertEqual(self.fish('pulsectl --run-dir policy pol'), {'policy'})


if __name__ == '__main__':
    unittest.main()
