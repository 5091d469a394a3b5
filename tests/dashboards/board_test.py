"""The boards and rules as files: what Grafana and a reader rely on, and that they speak of metrics that exist."""

import json
import re
import subprocess
import sys
import unittest

import yaml

import expressions
from expressions import BOARDS, DASHBOARDS, LABEL_VALUES, RULES

# What a scrape adds to every series, and what histograms have beside their labels.
OF_THE_SCRAPE = {'job', 'instance'}
OF_PROMETHEUS = {'up': set(), 'scrape_samples_scraped': set(), 'scrape_duration_seconds': set()}
REFERENCE_LINE = re.compile(r'^\| `(\w+)` \| (\w+) \| ((?:`\w+`(?:, )?)*) \|', re.MULTILINE)
RECORDED = re.compile(r'^[a-z_]+:[a-z_]+:[a-z0-9_]+$')
# Units in which metrics come; a board shows nothing that a reader has to convert.
UNITS = {'s', 'ops', 'percentunit', 'none', 'bytes'}


def target_of(link):
    """The uid of the board that it leads to."""
    return re.match(r'/d/([\w-]+)', link['url']).group(1)


def catalogue():
    """The labels of each series, from the reference that CI holds against the daemon's catalogue."""
    found = {}
    for name, kind, labels in REFERENCE_LINE.findall((DASHBOARDS / 'README.md').read_text()):
        names = set(re.findall(r'`(\w+)`', labels)) | OF_THE_SCRAPE
        if kind == 'histogram':
            found.update({f'{name}_bucket': names | {'le'}, f'{name}_count': names, f'{name}_sum': names})
        else:
            found[name] = names
    return found


def recorded():
    """Labels of recorded series: those they are grouped by, but for le."""
    found = {}
    for expression in expressions.of_rules(RULES[0]):
        labels = {label for label, _ in expressions.labels_of_groupings(expression.text)}
        found[expression.where.split(': ')[1]] = labels - {'le'}
    return found


class NamesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.known = {**catalogue(), **recorded(), **{name: labels | OF_THE_SCRAPE for name, labels in OF_PROMETHEUS.items()}}

    def all_expressions(self):
        for expression in expressions.everything():
            selector = LABEL_VALUES.match(expression.text)
            if expression.kind == 'variable':
                self.assertTrue(selector, expression.text)
            yield expression.where, selector.group(1) if selector else expression.text, selector

    def test_the_reference_is_read(self):
        self.assertGreater(len(self.known), 50)
        self.assertEqual(self.known['pulsed_tasks'], {'job', 'instance', 'service', 'class', 'tier'})
        self.assertIn('le', self.known['pulsed_queue_wait_seconds_bucket'])

    def test_every_metric_is_in_the_catalogue(self):
        for where, text, _ in self.all_expressions():
            with self.subTest(where):
                names = expressions.metrics(text)
                self.assertTrue(names or '__name__=~"pulsed_.+"' in text, text)
                self.assertLessEqual(names, set(self.known))

    def test_every_label_is_one_of_its_metric(self):
        for where, text, variable in self.all_expressions():
            with self.subTest(where):
                used = expressions.labels_of_selectors(text)
                if variable:
                    used += [(metric, variable.group(2)) for metric in expressions.metrics(text)]
                for metric, label in used:
                    self.assertIn(label, self.known[metric], metric)
                for label, among in expressions.labels_of_groupings(text):
                    self.assertTrue(not among or any(label in self.known[metric] for metric in among), label)

    def test_a_metric_or_label_that_does_not_exist_would_be_seen(self):
        self.assertEqual(expressions.metrics('sum by (pulsed_x) (rate(pulsed_pols_total{class="pulsed_y"}[5m])) / up'),
                         {'pulsed_pols_total', 'up'})
        self.assertEqual(expressions.labels_of_selectors('pulsed_a{x=~"y,z=1",q!="w"} + up{v="u"}'),
                         [('pulsed_a', 'x'), ('pulsed_a', 'q'), ('up', 'v')])
        self.assertEqual(expressions.labels_of_groupings('sum by (a, b) (rate(up[5m])) / on (c) pulsed_x'),
                         [('a', {'up'}), ('b', {'up'}), ('c', {'up', 'pulsed_x'})])

    def test_recorded_series_are_named_by_level_metric_and_operation(self):
        for name, labels in recorded().items():
            with self.subTest(name):
                self.assertRegex(name, RECORDED)
                level, metric, _ = name.split(':')
                self.assertEqual(set(level.split('_')) | {'job'}, labels)
                self.assertTrue({metric, f'{metric}_total', f'{metric}_bucket'} & set(self.known), metric)


class BoardsTest(unittest.TestCase):
    def boards(self):
        found = expressions.boards()
        self.assertEqual({board['uid'] for board in found}, {'pulsed-overview', 'pulsed-service', 'pulsed-daemon'})
        for path, board in zip(BOARDS, found):
            with self.subTest(path.name):
                self.assertEqual(path.stem, board['uid'])
                yield board

    def test_the_files_are_what_their_source_makes(self):
        done = subprocess.run([sys.executable, '-B', DASHBOARDS / 'grafana/write_dashboards.py', '--check'], capture_output=True, text=True,
                              timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_each_has_its_variables_links_and_the_marks_of_revisions(self):
        variables = {'pulsed-overview': ['datasource', 'job', 'instance', 'service', 'class'],
                     'pulsed-service': ['datasource', 'job', 'instance', 'service', 'class'],
                     'pulsed-daemon': ['datasource', 'job', 'instance', 'service']}
        uids = set(variables)
        for board in self.boards():
            self.assertEqual([v['name'] for v in board['templating']['list']], variables[board['uid']])
            self.assertEqual(board['templating']['list'][0]['type'], 'datasource')
            self.assertEqual({target_of(link) for link in board['links']}, uids - {board['uid']})
            self.assertIn('Policy revisions', [a['name'] for a in board['annotations']['list']])
            self.assertIsNone(board.get('id'), 'an id is of one Grafana')
            for uid in re.findall(r'"/d/([\w-]+)', json.dumps(board)):
                self.assertIn(uid, uids)

    def test_no_link_takes_many_values_to_a_variable_that_bears_one(self):
        multi = {board['uid']: {v['name']: v.get('multi') for v in board['templating']['list']} for board in self.boards()}
        self.assertTrue(any(False in of.values() for of in multi.values()))
        for board in self.boards():
            for link in board['links']:
                here, there = multi[board['uid']], multi[target_of(link)]
                taken = {name for name in here if link['includeVars'] or f'${{{name}:queryparam}}' in link['url']}
                with self.subTest(f'{board["uid"]} to {link["title"]}'):
                    self.assertLessEqual({'datasource', 'job', 'instance'}, taken)
                    self.assertFalse({name for name in taken if here[name] and there.get(name) is False})

    def test_each_variable_that_an_expression_uses_is_one_of_its_board(self):
        for board in self.boards():
            names = {v['name'] for v in board['templating']['list']} | {'__rate_interval'}
            for expression in expressions.of_board(board):
                self.assertLessEqual(set(re.findall(r'\$(\w+)', expression.text)), names, expression.where)

    def test_each_panel_says_how_to_read_it_in_which_unit_and_asks_the_chosen_data_source(self):
        for board in self.boards():
            for panel in expressions.panels(board):
                if panel['type'] == 'row':
                    continue
                with self.subTest(panel['title']):
                    self.assertGreater(len(panel['description']), 20)
                    self.assertTrue(panel['targets'])
                    for target in panel['targets']:
                        self.assertEqual(target['datasource'], {'type': 'prometheus', 'uid': '${datasource}'})
                        self.assertTrue(target['legendFormat'])
                    unit = panel['fieldConfig']['defaults'].get('unit') or panel['options']['yAxis']['unit']
                    self.assertIn(unit, UNITS)

    def test_a_figure_is_no_better_than_the_worst_of_what_it_stands_for(self):
        low_is_bad = []
        for board in self.boards():
            for panel in expressions.panels(board):
                if panel['type'] == 'stat' and panel['fieldConfig']['defaults']['thresholds']['steps'][0]['color'] != 'green':
                    low_is_bad += [(panel['title'], target['expr']) for target in panel['targets']]
        self.assertGreater(len(low_is_bad), 3)
        for title, expr in low_is_bad:
            with self.subTest(title):
                self.assertTrue(expr.startswith('min by (instance) ('), expr)

    def test_tiers_have_their_names(self):
        shown = 0
        for board in self.boards():
            for panel in expressions.panels(board):
                columns = {o['matcher']['options']: {p['id']: p['value'] for p in o['properties']}
                           for o in panel.get('fieldConfig', {}).get('overrides', [])}
                for target in panel.get('targets', []):
                    if not target['expr'].startswith('max') or 'pulsed_class_tier{' not in target['expr']:
                        continue
                    with self.subTest(panel['title']):
                        settings = columns[target['legendFormat']] if panel['type'] == 'table' else panel['fieldConfig']['defaults']
                        self.assertEqual([text['text'] for text in settings['mappings'][0]['options'].values()],
                                         ['monitor', 'warn', 'yield', 'isolate'])
                        shown += 1
        self.assertGreater(shown, 2)

    def test_what_takes_series_of_any_name_is_asked_for_now_alone(self):
        asked = [target for board in self.boards() for panel in expressions.panels(board) for target in panel.get('targets', [])
                 if '__name__' in target['expr']]
        self.assertTrue(asked)
        for target in asked:
            self.assertEqual((target.get('instant'), target.get('range')), (True, False), target['expr'])

    def test_panels_neither_overlap_nor_leave_holes_nor_share_a_number(self):
        for board in self.boards():
            all_panels = list(expressions.panels(board))
            self.assertEqual(len({p['id'] for p in all_panels}), len(all_panels))
            taken = set()
            for panel in all_panels:
                at = panel['gridPos']
                cells = {(x, y) for x in range(at['x'], at['x'] + at['w']) for y in range(at['y'], at['y'] + at['h'])}
                self.assertFalse(cells & taken, panel['title'])
                self.assertLessEqual(at['x'] + at['w'], 24, panel['title'])
                taken |= cells
            self.assertEqual(len(taken), 24 * (1 + max(y for _, y in taken)))

    def test_provisioning_names_the_kind_of_data_source_that_the_boards_ask_for(self):
        folder = DASHBOARDS / 'grafana/provisioning'
        sources = yaml.safe_load((folder / 'datasources/pulsed.yaml').read_text())['datasources']
        self.assertEqual([source['type'] for source in sources], ['prometheus'])
        # Two defaults, of which the other may be there already, keep Grafana from starting.
        self.assertNotIn('isDefault', sources[0])
        providers = yaml.safe_load((folder / 'dashboards/pulsed.yaml').read_text())['providers']
        self.assertEqual([provider['type'] for provider in providers], ['file'])


if __name__ == '__main__':
    unittest.main()
