"""Every expression of every panel, variable, annotation, rule and alert returns data from a real Prometheus that scraped a real pulsed.

pulsed watches the demo under a load of light requests beside hogs with checkpoints and hogs without: first in shadow, then, by a change of
policy, under enforce, then under the emergency stop. Each phase lasts until Prometheus has seen what it is there for.
"""

import re
import subprocess
import tempfile
import unittest
from contextlib import ExitStack
from pathlib import Path

from expressions import LABEL_VALUES, RULES, always_there, chosen, everything, shortened
from scenarios.processes import Process
from servers import BIN, PATIENCE_S, Prometheus, Pulsed, eventually

SEEN_IN_SHADOW = ['pulsed_violations_total', 'pulsed_would_yields_total', 'pulsed_would_isolated_polls_total',
                  'pulsed_would_cover_cpu_seconds_total', 'pulsed_tier_changes_total']
SEEN_UNDER_ENFORCE = ['pulsed_yields_obeyed_total', 'pulsed_isolated_polls_total', 'pulsed_spare_wakes_total',
                      'pulsed_directives_total']
SEEN_WHERE_IT_CAN_DEMOTE = ['pulsed_demotions_total', 'pulsed_demotion_undo_seconds_count']
# What has no value where the machine does not allow it; everything else has one everywhere.
ONLY_WITH_A_RIGHT = {'pulsed_demotion_undo_seconds_bucket': 'pulsed_can_demote', 'pulsed_clock_reads_total': 'pulsed_exact_run_times'}


class Scene:
    def __init__(self):
        self._stack = ExitStack()
        try:
            self._start()
            self._play()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix='pulsed-dashboards-')))
        self._pulsed = self._stack.enter_context(Pulsed(self._folder, 'enforcement: shadow\n'))
        address = self._pulsed.address()
        rules = {path.name: shortened(path.read_text()) for path in RULES}
        self.prometheus = self._stack.enter_context(Prometheus(self._folder, address, rules))
        self.prometheus.wait_ready()
        port = self._demo('demo')
        for heavy in ('export', 'report'):
            self._load(port, '--lookup-rate', '100', '--heavy', heavy, '--heavy-loops', '2', log=heavy)
        # Light tasks that are posted: waits that are not for the isolation pool.
        self._load(self._demo('light', '--tasks', 'request'), '--lookup-rate', '50', '--heavy-loops', '0', log='light-load')

    def _demo(self, log, *options):
        demo = self._enter('pulsed-demo', '--port', '0', '--threads', '2', '--run-dir', self._pulsed.run_dir, *options, log=log)
        return demo.wait_for_line(r'listening on 127\.0\.0\.1:(\d+)$', PATIENCE_S).group(1)

    def _load(self, port, *options, log):
        self._enter('pulsed-load', '--port', port, '--seconds', '600', '--warmup', '0', *options, log=log)

    def _enter(self, name, *options, log):
        return self._stack.enter_context(Process(name, [str(BIN / name), *map(str, options)], self._folder / f'{log}.log'))

    def _play(self):
        for metric in SEEN_IN_SHADOW:
            self._wait_until_some_of(metric)
        mark = next(chosen(e.text) for e in everything() if e.kind == 'annotation')
        self._wait_for(lambda: self.prometheus.now('pulsed_policy_info') and not self.prometheus.now(mark), 'the mark of revision 1 goes')
        (self._folder / 'enforced.yaml').write_text('enforcement: enforce\n')
        self._pulsectl('policy', 'set', '--yes', self._folder / 'enforced.yaml')
        self.can_demote = bool(self.prometheus.now('pulsed_can_demote == 1'))
        for metric in SEEN_UNDER_ENFORCE + (SEEN_WHERE_IT_CAN_DEMOTE if self.can_demote else []):
            self._wait_until_some_of(metric)
        self._pulsectl('enforcement', 'observe', '--comment', 'is it pulsed?')
        self._wait_for(lambda: self.prometheus.now('pulsed_policy_info{enforcement_limit="observe"}'), 'the emergency stop is seen')

    def _wait_until_some_of(self, metric):
        self._wait_for(lambda: self.prometheus.now(f'sum({metric}) > 0'), f'{metric} is not 0')

    def _wait_for(self, holds, what):
        eventually(holds, what, beside=[self._pulsed, self.prometheus])

    def _pulsectl(self, *words):
        subprocess.run([BIN / 'pulsectl', '--run-dir', self._pulsed.run_dir, *words], check=True, timeout=PATIENCE_S,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def stop(self):
        self._stack.close()


class DataTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.stop)
        cls.prometheus = cls.scene.prometheus

    def of_kind(self, *kinds):
        found = [e for e in everything() if e.kind in kinds]
        self.assertTrue(found)
        return found

    def excused(self, text):
        """Whether the machine does not allow what the expression is about."""
        return any(metric in text and not self.prometheus.now(f'{right} == 1') for metric, right in ONLY_WITH_A_RIGHT.items())

    def test_each_panel_rule_and_alert_has_data(self):
        for expression in self.of_kind('panel', 'record', 'alert'):
            with self.subTest(expression.where):
                text = chosen(always_there(expression))
                series = self.prometheus.over_the_run(text)
                self.assertTrue(series or self.excused(text), text)

    def test_each_label_of_a_legend_is_in_what_comes_back(self):
        for expression in self.of_kind('panel', 'annotation'):
            with self.subTest(expression.where):
                series = self.prometheus.over_the_run(chosen(expression.text))
                for label in re.findall(r'\{\{(\w+)\}\}', expression.legend):
                    self.assertTrue(any(label in each['labels'] for each in series) or self.excused(expression.text), label)

    def test_each_recorded_series_is_there(self):
        for expression in self.of_kind('record'):
            with self.subTest(expression.where):
                self.assertTrue(self.prometheus.over_the_run(expression.where.split(': ')[1]))

    def test_each_variable_has_something_to_choose(self):
        expected = {'job': 'pulsed', 'service': 'pulsed-demo', 'class': 'demo/export'}
        for expression in self.of_kind('variable'):
            with self.subTest(expression.where):
                selector, label = LABEL_VALUES.match(expression.text).groups()
                values = self.prometheus.label_values(chosen(selector), label)
                self.assertIn(expected.get(label, values[0] if values else 'any'), values)

    def test_the_marks_stand_where_revisions_came_into_force_and_nowhere_else(self):
        for expression in self.of_kind('annotation'):
            with self.subTest(expression.where):
                marks = self.points_by_revision(chosen(expression.text))
                in_force = self.points_by_revision('pulsed_policy_info')
                self.assertEqual(set(marks), {'1', '2', '3'})
                for revision, times in in_force.items():
                    self.assertEqual(marks[revision][0], times[0])
                self.assertLess(marks['1'][-1], in_force['1'][-1])

    def points_by_revision(self, text):
        return {each['labels']['revision']: [at for at, _ in each['points']] for each in self.prometheus.over_the_run(text)}

    def test_no_expression_has_data_just_so(self):
        self.assertFalse(self.prometheus.over_the_run('pulsed_no_such_metric'))
        self.assertFalse(self.prometheus.over_the_run(chosen('pulsed_tasks{service=~"$service",class="no such class"}')))


if __name__ == '__main__':
    unittest.main()
