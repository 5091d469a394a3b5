"""The alerting and recording rules: promtool's judgement, their own tests, and the runbook that each alert names."""

import re
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from expressions import DASHBOARDS, RULES, always_there, of_rules, of_runbook
from servers import BIN, Pulsed

RUNBOOK = (DASHBOARDS / 'runbook.md').read_text()
SEVERITIES = {'critical', 'warning', 'info'}
TESTS = DASHBOARDS / 'rules/alerts_test.yaml'


def alerts():
    return [rule for group in yaml.safe_load(RULES[1].read_text())['groups'] for rule in group['rules']]


class RulesTest(unittest.TestCase):
    def promtool(self, *words):
        done = subprocess.run(['/usr/bin/promtool', *map(str, words)], capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_accepts_the_rules(self):
        self.promtool('check', 'rules', *RULES)

    def test_each_alert_fires_when_it_should_and_only_then(self):
        self.promtool('test', 'rules', TESTS)

    def test_each_alert_is_tested_on_both_sides(self):
        sides = {}
        for case in yaml.safe_load(TESTS.read_text())['tests']:
            for at in case.get('alert_rule_test', []):
                sides.setdefault(at['alertname'], set()).add(bool(at['exp_alerts']))
        self.assertEqual(sides, {alert['alert']: {True, False} for alert in alerts()})

    def test_each_alert_says_what_is_wrong_how_bad_it_is_and_what_to_do(self):
        for alert in alerts():
            with self.subTest(alert['alert']):
                self.assertIn(alert['labels']['severity'], SEVERITIES)
                self.assertEqual(set(alert['annotations']), {'summary', 'description', 'runbook'})
                path, anchor = alert['annotations']['runbook'].split('#')
                self.assertEqual(DASHBOARDS.parent / path, DASHBOARDS / 'runbook.md')
                self.assertEqual(anchor, alert['alert'].lower())

    def test_each_alert_names_a_host_or_its_section_says_how_to_find_it(self):
        labels = {}
        for case in yaml.safe_load(TESTS.read_text())['tests']:
            for at in case.get('alert_rule_test', []):
                for fires in at['exp_alerts']:
                    labels.setdefault(at['alertname'], set()).update(fires['exp_labels'])
        hosts = {e.where.split(': ')[1] for e in of_runbook() if 'by (instance' in e.text}
        # Where Prometheus knows no target, there is no host.
        self.assertEqual({alert for alert, names in labels.items() if 'instance' not in names}, hosts | {'PulsedAbsent'})

    def test_each_alert_has_a_value_also_when_it_does_not_fire(self):
        for expression in of_rules(RULES[1]):
            self.assertTrue(always_there(expression))

    def test_the_runbook_has_a_section_for_each_alert_and_no_other(self):
        self.assertEqual(re.findall(r'(?m)^## (Pulsed\w+)$', RUNBOOK), [alert['alert'] for alert in alerts()])


class RunbookTest(unittest.TestCase):
    helps = {}

    def commands(self, program):
        found = [line for block in re.findall(r'(?s)```sh\n(.*?)```', RUNBOOK) for line in block.splitlines()]
        found += re.findall(rf'`({program} [^`]*)`', RUNBOOK)
        return [shlex.split(line, comments=True) for line in found if line.split()[0] == program]

    def help_of(self, *command):
        if command not in self.helps:
            done = subprocess.run([BIN / command[0], *command[1:], '--help'], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.helps[command] = done.stdout
        return self.helps[command]

    def test_it_names_only_commands_and_options_that_pulsectl_and_pulsed_have(self):
        pulsectl = self.commands('pulsectl')
        self.assertGreater(len(pulsectl), 10)
        pulsed = self.commands('pulsed')
        self.assertTrue(pulsed)
        for words in pulsectl + pulsed:
            with self.subTest(shlex.join(words)):
                command = words[:1] if words in pulsed else words[:3] if words[1] == 'policy' else words[:2]
                for option in (word for word in words if word.startswith('--')):
                    self.assertIn(option, self.help_of(*command))

    def test_where_it_asks_for_the_daemon_it_does_not_find_the_guardian(self):
        asked = set(re.findall(r'\$\(([^)]*)\)', RUNBOOK))
        self.assertTrue(asked)
        with tempfile.TemporaryDirectory(prefix='pulsed-runbook-') as folder, Pulsed(Path(folder), '') as pulsed:
            pulsed.address()
            children = {pid for path in Path(f'/proc/{pulsed.pid}/task').glob('*/children') for pid in path.read_text().split()}
            for command in asked:
                with self.subTest(command):
                    # The oldest of a host; this one is hardly that, so take all.
                    done = subprocess.run(shlex.split(command.replace(' -xo ', ' -x ')), capture_output=True, text=True, timeout=20)
                    self.assertIn(str(pulsed.pid), done.stdout.split())
                    self.assertFalse(children & set(done.stdout.split()))


if __name__ == '__main__':
    unittest.main()
