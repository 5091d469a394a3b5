"""policy get, set, validate, diff, history, rollback, explain and watch."""

import json
import os
import signal
import unittest

import pexpect
import yaml

from ctl_case import CONFLICT, FAILED, INTERRUPTED, OK, PATIENCE_S, USAGE, CtlCase, Running, environment, eventually

TIGHT = '''enforcement: enforce
defaults:
  poll_budget: 500us
rules:
  - match: {service: "shop*", class: "checkout/*"}
    priority: high
'''


class Policy(CtlCase):
    def setUp(self):
        super().setUp()
        self.start()

    def history(self):
        return self.json('policy', 'history')['revisions']

    def revision(self):
        return int(self.json('status')['policy_revision'])

    # Reading.

    def test_what_get_prints_can_be_set(self):
        text = self.good('policy', 'get')
        self.assertTrue(text.startswith('# revision 1, by built in'), text)
        self.assertIn('nothing to change', self.good('policy', 'set', self.file('same.yaml', text)))
        self.assertEqual(yaml.safe_load(self.good('policy', 'get', '-o', 'yaml')), yaml.safe_load(text))
        self.assertTrue(self.json('policy', 'get')['etag'])
        self.assertEqual(self.revision(), 1)

    def test_get_has_old_revisions_too(self):
        self.good('policy', 'set', self.file('tight.yaml', TIGHT))
        self.assertIn('500us', self.good('policy', 'get'))
        self.assertNotIn('500us', self.good('policy', 'get', '--revision', '1'))
        self.refused(FAILED, 'policy', 'get', '--revision', '77')

    def test_validate_reads_strictly_without_a_daemon(self):
        self.stop()
        self.assertIn('holds: enforce, balanced, 1 rules', self.good('policy', 'validate', self.file('tight.yaml', TIGHT)))
        self.assertTrue(self.json('policy', 'validate', '-', stdin=TIGHT)['valid'])
        wrong = self.file('wrong.yaml', 'enforcement: shadow\ndefaults:\n  pol_budget: 1ms\n  window: 3 days\n')
        said = self.refused(USAGE, 'policy', 'validate', wrong)
        self.assertIn(f'{wrong}:3:3: ', said)
        self.assertIn('did you mean `poll_budget`?', said)
        self.assertIn(f'{wrong}:4:', said)
        self.assertIn('no such file', self.refused(USAGE, 'policy', 'validate', self.folder / 'none.yaml'))

    def test_explain_names_the_rule_of_each_field(self):
        file = self.file('tight.yaml', TIGHT)
        self.good('policy', 'set', file)
        for source in ((), ('--file', file)):
            fields = {each['field']: each for each in self.json('policy', 'explain', '--service', 'shop1', '--class',
                                                                'checkout/pay', *source)}
            self.assertEqual(fields['priority'], {'field': 'priority', 'value': 'high', 'set_by': 'rules[0]', 'note': ''})
            self.assertEqual((fields['poll_budget']['value'], fields['poll_budget']['set_by']), ('1ms', 'defaults'))
            self.assertEqual(fields['window']['set_by'], 'profile balanced')
        text = self.good('policy', 'explain', '--service', 'mail', '--class', 'send', '--priority', 'low')
        self.assertRegex(text, r'(?m)^priority +low +registration')
        self.assertIn('--service', self.refused(USAGE, 'policy', 'explain'))

    # Changing.

    def test_set_shows_the_difference_and_who_and_why_is_kept(self):
        out = self.good('policy', 'set', self.file('tight.yaml', TIGHT), '--comment', 'tighter')
        self.assertIn('-enforcement: shadow\n+enforcement: enforce', out)
        self.assertIn('revision 2 is in force', out)
        newest = self.history()[0]
        self.assertEqual((newest['comment'], newest['author']), ('tighter', {'uid': os.getuid()}))
        self.assertEqual(self.json('policy', 'set', '-', stdin='profile: permissive\n')['revision']['revision'], '3')
        header, row = self.good('policy', 'history').splitlines()[0:3:2]
        self.assertEqual(header.split(), 'REVISION WHEN WHO ROLLBACK_TO COMMENT'.split())
        self.assertRegex(row, r'^ +2 .* uid \d+ +- +tighter$')
        self.assertEqual(len(self.json('policy', 'history', '--limit', '1')['revisions']), 1)

    def test_history_reads_page_after_page(self):
        for budget in range(1, 31):
            self.good('policy', 'set', '-', stdin=f'defaults: {{reports_per_minute: {budget}}}\n')
        revisions = self.json('policy', 'history', '--limit', '100')['revisions']
        self.assertEqual([int(each['revision']) for each in revisions], list(range(31, 0, -1)))
        self.assertEqual(len(self.history()), 20)
        self.assertIn('+  reports_per_minute: 30', self.good('policy', 'history', '--diff', '--limit', '1'))

    def test_a_dry_run_changes_nothing(self):
        self.assertIn('nothing was changed', self.good('policy', 'set', '--dry-run', self.file('tight.yaml', TIGHT)))
        self.good('enforcement', 'enforce')
        self.assertIn('nothing was changed', self.good('policy', 'rollback', '1', '--dry-run'))
        self.assertEqual(self.revision(), 2)

    def test_a_mistake_is_refused_before_anything_is_asked(self):
        said = self.refused(USAGE, 'policy', 'set', self.file('bad.yaml', 'enforcement: loud\n'))
        self.assertIn('bad.yaml:1:14', said)
        self.refused(USAGE, 'policy', 'set', self.file('twice.yaml', 'profile: balanced\nprofile: balanced\n'))
        self.assertEqual(self.revision(), 1)

    def test_a_stale_etag_is_a_conflict_that_says_who_was_faster(self):
        etag = self.json('policy', 'get')['etag']
        self.good('enforcement', 'observe', '--comment', 'stop')
        said = self.refused(CONFLICT, 'policy', 'set', self.file('tight.yaml', TIGHT), '--etag', etag)
        self.assertIn(f'revision 2, by uid {os.getuid()}', said)
        self.assertIn('"stop"', said)
        self.assertEqual(self.revision(), 2)
        self.good('policy', 'set', self.file('tight.yaml', TIGHT), '--etag', self.json('policy', 'get')['etag'])

    def test_rollback_restores_by_a_new_revision(self):
        self.good('policy', 'set', self.file('tight.yaml', TIGHT))
        out = self.good('policy', 'rollback', '1', '--comment', 'too tight')
        self.assertIn('revision 3 is in force', out)
        self.assertEqual(self.history()[0]['rolled_back_to'], '1')
        self.assertEqual(self.good('policy', 'diff', '1', '3'), '')
        self.refused(FAILED, 'policy', 'rollback', '99')
        self.assertIn('revision', self.refused(USAGE, 'policy', 'rollback', '0'))

    def test_diff_takes_revisions_and_files(self):
        file = self.file('tight.yaml', TIGHT)
        self.assertIn('+  poll_budget: 500us', self.good('policy', 'diff', file))
        self.good('policy', 'set', file)
        self.assertEqual(self.good('policy', 'diff', file), '')
        self.assertIn('+  poll_budget: 500us', self.good('policy', 'diff'))
        self.assertIn('-  poll_budget: 500us', self.good('policy', 'diff', '1'))
        self.assertIn('-  poll_budget: 500us', self.good('policy', 'diff', '2', '1'))
        as_json = self.json('policy', 'diff', '1', '2')
        self.assertEqual((as_json['from'], as_json['to']), ('revision 1', 'revision 2'))
        self.assertIn('+enforcement: enforce', as_json['diff'])
        self.assertIn('\x1b[32m+', self.good('policy', 'diff', '1', '2', '--color', 'always'))

    def test_a_policy_of_every_field_comes_back_as_it_was_set(self):
        text = (os.path.dirname(__file__) + '/../../../deploy/examples/policy.yaml')
        with open(text) as file:
            wanted = yaml.safe_load(file)
        self.good('policy', 'set', text)
        now = yaml.safe_load(self.good('policy', 'get'))
        self.assertEqual(now['defaults'], wanted['defaults'])

    def test_watch_says_each_revision_and_what_it_changed_over_a_restart(self):
        watch = self.following('policy', 'watch')
        watch.says('revision 1, by built in')
        self.good('policy', 'set', self.file('tight.yaml', TIGHT), '--comment', 'tighter')
        watch.says('"tighter"')
        watch.says('+  poll_budget: 500us')
        self.stop()
        watch.says('pulsed is gone', 'err')
        self.start()
        self.good('enforcement', 'observe')
        watch.says('revision 3')
        self.assertEqual(watch.interrupt(), INTERRUPTED)
        self.assertEqual(watch.out.count('revision 2, by'), 1)

    def test_watch_as_json_is_an_object_a_line(self):
        watch = self.following('policy', 'watch', '-o', 'json')
        watch.says('\n')
        self.good('enforcement', 'observe')
        eventually(lambda: watch.read() or watch.out.count('\n') == 2, 'two lines')
        watch.interrupt()
        revisions = [json.loads(line)['revision']['revision'] for line in watch.out.splitlines()]
        self.assertEqual(revisions, ['1', '2'])


class OnATerminal(CtlCase):
    """With somebody to ask."""

    def setUp(self):
        super().setUp()
        self.start()

    def terminal(self, *arguments, **env):
        command = self.command(*arguments)
        child = pexpect.spawn(command[0], command[1:], env=environment(TERM='xterm', **env), timeout=PATIENCE_S,
                              encoding='utf-8', dimensions=(24, 80))
        self.addCleanup(child.close)
        return child

    def ended(self, child):
        child.expect(pexpect.EOF)
        child.close()
        return child.exitstatus

    def test_set_asks_and_no_changes_nothing(self):
        file = self.file('tight.yaml', TIGHT)
        child = self.terminal('policy', 'set', file)
        child.expect(r'\+enforcement: enforce')
        child.expect(r'Put this in force\? \[y/N\]')
        child.sendline('')
        self.assertEqual(self.ended(child), FAILED)
        self.assertEqual(self.json('status')['policy_revision'], '1')
        child = self.terminal('policy', 'set', file)
        child.expect(r'Put this in force\?')
        child.sendline('y')
        child.expect('revision 2 is in force')
        self.assertEqual(self.ended(child), OK)

    def test_yes_does_not_ask(self):
        child = self.terminal('policy', 'set', '--yes', self.file('tight.yaml', TIGHT))
        child.expect('revision 2 is in force')
        self.assertEqual(self.ended(child), OK)

    def test_a_change_while_it_asks_is_a_conflict(self):
        child = self.terminal('policy', 'set', self.file('tight.yaml', TIGHT))
        child.expect(r'Put this in force\?')
        self.good('enforcement', 'observe', '--comment', 'faster')
        child.sendline('y')
        child.expect('"faster", came into force meanwhile')
        self.assertEqual(self.ended(child), CONFLICT)
        self.assertEqual(self.json('status')['policy_revision'], '2')

    def test_a_policy_typed_at_the_terminal_is_asked_about(self):
        child = self.terminal('policy', 'set', '-')
        child.send('profile: permissive\r\x04')
        child.expect(r'Put this in force\?')
        child.sendline('y')
        child.expect('revision 2 is in force')
        self.assertEqual(self.ended(child), OK)

    def test_colours_and_the_width_are_the_terminals(self):
        self.service('a-service-with-a-name-that-is-rather-long', 'checkout/pay')
        child = self.terminal('classes')
        child.expect(pexpect.EOF)
        lines = child.before.replace('\r', '').splitlines()
        self.assertIn('\x1b[1m', lines[0])
        plain = [__import__('re').sub('\x1b\\[[0-9]*m', '', line) for line in lines]
        self.assertTrue(all(len(line) <= 80 for line in plain), plain)
        self.assertIn('…', child.before)
        self.assertIn('No room for ', child.before)
        child = self.terminal('classes', NO_COLOR='1')
        child.expect(pexpect.EOF)
        self.assertNotIn('\x1b[1m', child.before)


class Edit(CtlCase):
    def setUp(self):
        super().setUp()
        self.start()
        self.temporary = self.folder / 'tmp'
        self.temporary.mkdir()

    def editor(self, *scripts):
        """An editor that does one of the scripts each time; $1 is the file."""
        path = self.file('editor.sh', 'n=$(($(cat "$0.n" 2>/dev/null || echo 0) + 1)); echo $n > "$0.n"\ncase $n in\n' +
                         ''.join(f'{i}) {script} ;;\n' for i, script in enumerate(scripts, 1)) + '*) exit 9 ;;\nesac\n')
        return environment(EDITOR=f'sh {path}', TMPDIR=str(self.temporary), TERM='xterm')

    def left(self):
        return list(self.temporary.iterdir())

    def revision(self):
        return int(self.json('status')['policy_revision'])

    def test_what_is_saved_is_put_in_force(self):
        env = self.editor('stat -c %a "$1" > "$0.mode"; sed -i s/shadow/enforce/ "$1"')
        out = self.good('policy', 'edit', '--comment', 'by hand', env=env)
        self.assertIn('+enforcement: enforce', out)
        self.assertIn('revision 2 is in force', out)
        self.assertEqual((self.folder / 'editor.sh.mode').read_text(), '600\n')
        self.assertEqual(self.left(), [])

    def test_visual_comes_before_editor(self):
        env = {**self.editor('exit 9'), 'VISUAL': 'sed -i s/shadow/observe/'}
        self.good('policy', 'edit', env=env)
        self.assertEqual(self.json('status')['enforcement'], 'ENFORCEMENT_OBSERVE')

    def test_unchanged_is_nothing_done(self):
        for script in (':', 'echo "# a comment" >> "$1"'):
            done = self.ctl('policy', 'edit', env=self.editor(script))
            (self.folder / 'editor.sh.n').unlink()
            self.assertEqual((done.returncode, done.stdout), (OK, ''))
            self.assertIn('nothing was done', done.stderr)
        self.assertEqual((self.revision(), self.left()), (1, []))

    def test_a_mistake_without_a_terminal_keeps_what_was_written(self):
        said = self.refused(USAGE, 'policy', 'edit', env=self.editor('echo "polcy: 1" >> "$1"'))
        kept, = self.left()
        self.assertIn(f'{kept}:', said)
        self.assertTrue(said.rstrip().endswith(str(kept)), said)
        self.assertIn('polcy: 1', kept.read_text())

    def test_an_editor_that_fails_changes_nothing(self):
        said = self.refused(FAILED, 'policy', 'edit', env=self.editor('exit 3'))
        self.assertIn('the editor failed', said)
        self.assertNotIn('What was written', said)
        self.assertEqual((self.revision(), self.left()), (1, []))

    def test_an_editor_that_fails_after_it_wrote_keeps_what_was_written(self):
        said = self.refused(FAILED, 'policy', 'edit', env=self.editor('sed -i s/shadow/enforce/ "$1"; exit 3'))
        kept, = self.left()
        self.assertTrue(said.rstrip().endswith(str(kept)), said)
        self.assertEqual(self.revision(), 1)

    def test_a_file_that_the_editor_removed_is_not_said_to_be_kept(self):
        said = self.refused(USAGE, 'policy', 'edit', env=self.editor('rm "$1"'))
        self.assertIn('the editor removed it', said)
        self.assertNotIn('What was written', said)

    def test_an_empty_file_is_a_change_of_mind_and_not_the_defaults(self):
        self.good('enforcement', 'enforce')
        for script in (': > "$1"', 'printf "# gone\\n  # all\\n\\n" > "$1"'):
            done = self.ctl('policy', 'edit', env=self.editor(script))
            (self.folder / 'editor.sh.n').unlink()
            self.assertEqual((done.returncode, done.stdout), (OK, ''), done.stderr)
            self.assertIn('nothing was done', done.stderr)
        self.assertEqual((self.revision(), self.left()), (2, []))

    def test_pulsed_may_be_restarted_while_the_editor_is_open(self):
        editing, go_on = self.folder / 'editing', self.folder / 'go-on'
        env = self.editor(f'touch {editing}; while [ ! -e {go_on} ]; do sleep 0.02; done; sed -i s/shadow/enforce/ "$1"')
        edit = Running(self.command('policy', 'edit'), env=env)
        self.addCleanup(edit.close)
        eventually(editing.exists, 'the editor is open')
        self.stop()
        self.start()
        go_on.touch()
        edit.says('revision 2 is in force')
        self.assertEqual(edit.ended(), OK)

    def test_a_mistake_may_be_edited_again(self):
        env = self.editor('sed -i s/shadow/shadwo/ "$1"', 'sed -i s/shadwo/enforce/ "$1"')
        command = self.command('policy', 'edit')
        child = pexpect.spawn(command[0], command[1:], env=env, timeout=PATIENCE_S, encoding='utf-8')
        self.addCleanup(child.close)
        child.expect('did you mean `shadow`')
        child.expect(r'Edit it again\? \[Y/n\]')
        child.sendline('')
        child.expect(r'Put this in force\?')
        child.sendline('y')
        child.expect('revision 2 is in force')
        child.expect(pexpect.EOF)
        self.assertEqual(self.left(), [])

    def test_a_change_meanwhile_keeps_the_file_and_says_where(self):
        other = ' '.join(self.command('enforcement', 'observe', '--comment', 'faster'))
        said = self.refused(CONFLICT, 'policy', 'edit', env=self.editor(f'{other}; sed -i s/shadow/enforce/ "$1"'))
        kept, = self.left()
        self.assertIn('"faster", came into force meanwhile', said)
        self.assertIn(str(kept), said)
        self.assertIn('enforcement: enforce', kept.read_text())
        self.assertEqual(self.revision(), 2)


if __name__ == '__main__':
    unittest.main()
