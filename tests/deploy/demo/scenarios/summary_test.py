import unittest

from scenarios import summary


def row(scenario, mode, repetition, p99, reports=80.0, violations=None):
    return {'scenario': scenario, 'mode': mode, 'repetition': repetition,
            'lookup_ms': {'p50': 0.2, 'p99': p99, 'p999': p99 * 2, 'max': p99 * 3},
            'reports_per_s': reports, 'report_p99_ms': 50.0, 'violations': violations, 'yields': violations,
            'isolations': violations, 'drops': violations, 'daemon_cpu_percent': violations}


class Medians(unittest.TestCase):
    def test_are_of_each_figure_by_itself(self):
        entry, = summary.medians([row('checkpoints', 'shadow', n, p99, violations=count)
                                  for n, (p99, count) in enumerate([(60.0, 1), (10.0, 9), (50.0, 2)])])
        self.assertEqual(entry['lookup_ms']['p99'], 50.0)
        self.assertEqual(entry['lookup_ms']['max'], 150.0)
        self.assertEqual(entry['violations'], 2)
        self.assertEqual(entry['repetitions'], 3)

    def test_come_in_one_order_whatever_ran_first(self):
        rows = [row('fresh_tasks', 'enforce', 1, 1.0), row('unloaded', 'shadow', 1, 1.0), row('unloaded', 'bare', 1, 1.0)]
        self.assertEqual([(entry['scenario'], entry['mode']) for entry in summary.medians(rows)],
                         [('unloaded', 'bare'), ('unloaded', 'shadow'), ('fresh_tasks', 'enforce')])

    def test_of_bare_have_no_figures_of_the_daemon(self):
        entry, = summary.medians([row('checkpoints', 'bare', 1, 60.0)])
        self.assertIsNone(entry['violations'])
        self.assertIsNone(entry['daemon_cpu_percent'])


class Comparisons(unittest.TestCase):
    def compare(self, enforce_p99, shadow_p99, reports=80.0, scenario='checkpoints'):
        rows = [row(scenario, mode, n, value * (1 + n / 100), 80.0 if mode == 'bare' else reports)
                for mode, value in (('enforce', enforce_p99), ('shadow', shadow_p99), ('bare', 60.0))
                for n in (3, 1, 2)]
        return {(one.mode, one.what): one for one in summary.compare(rows, [scenario])}

    def test_pairs_by_repetition_and_not_by_order(self):
        found = self.compare(6.0, 60.0)[('enforce', 'p99 of /lookup')]
        self.assertAlmostEqual(found.ratio.value, 0.1)
        self.assertAlmostEqual(found.ratio.low, found.ratio.high)

    def test_judges_enforce_by_its_ratio(self):
        self.assertTrue(self.compare(5.9, 60.0)[('enforce', 'p99 of /lookup')].met)
        self.assertFalse(self.compare(6.1, 60.0)[('enforce', 'p99 of /lookup')].met)
        self.assertTrue(self.compare(5.9, 60.0, reports=72.1)[('enforce', 'reports/s')].met)
        self.assertFalse(self.compare(5.9, 60.0, reports=71.9)[('enforce', 'reports/s')].met)

    def test_judges_shadow_by_its_interval(self):
        self.assertFalse(self.compare(5.9, 66.0)[('shadow', 'p99 of /lookup')].met)

    def test_does_not_judge_shadow_by_one_repetition(self):
        rows = [row('checkpoints', mode, 1, 60.0) for mode in ('bare', 'shadow', 'enforce')]
        found = {(one.mode, one.what): one for one in summary.compare(rows, ['checkpoints'])}
        self.assertIsNone(found[('shadow', 'p99 of /lookup')].met)

    def test_asks_nothing_of_enforce_where_nothing_is_heavy(self):
        rows = [row('unloaded', mode, 1, 1.0, 0.0) for mode in ('bare', 'shadow', 'enforce')]
        found = {(one.mode, one.what): one for one in summary.compare(rows, ['unloaded'])}
        self.assertIsNone(found[('enforce', 'p99 of /lookup')].met)
        self.assertNotIn(('enforce', 'reports/s'), found)


if __name__ == '__main__':
    unittest.main()
