import unittest

from scenarios import printing, summary
from scenarios.targets import WANTED

HEAVY = {'no_checkpoints': 'export', 'in_place': 'export', 'lock': 'restock'}


def row(scenario, mode, repetition, p99, heavy_rate=80.0, violations=None, price_p99=None):
    heavy = HEAVY.get(scenario, 'report')
    price = price_p99 and {'count': 100, 'p50': 0.2, 'p99': price_p99, 'p999': price_p99, 'max': price_p99}
    return {'scenario': scenario, 'mode': mode, 'repetition': repetition, 'heavy': heavy,
            'lookup_ms': {'count': 1000 + repetition, 'p50': 0.2, 'p99': p99, 'p999': p99 * 2, 'max': p99 * 3},
            'price_ms': price, f'{heavy}s_per_s': heavy_rate, f'{heavy}_p99_ms': 50.0, 'service_cpu_s': 2.0,
            'served': {'lookups': 1000, 'prices': 10, 'demoted_light_polls': 1}, 'violations': violations,
            'yields': violations, 'isolations': violations, 'spares': violations, 'demotions': violations,
            'drops': violations, 'daemon_cpu_percent': violations,
            'would_be': {name: violations for name in summary.WOULD_BE} if mode == 'shadow' else None}


class Medians(unittest.TestCase):
    def test_are_of_each_figure_by_itself(self):
        entry, = summary.medians([row('checkpoints', 'shadow', n, p99, violations=count)
                                  for n, (p99, count) in enumerate([(60.0, 1), (10.0, 9), (50.0, 2)])])
        self.assertEqual(entry['lookup_ms']['p99'], 50.0)
        self.assertEqual(entry['lookup_ms']['max'], 150.0)
        self.assertEqual(entry['violations'], 2)
        self.assertEqual(entry['repetitions'], 3)

    def test_of_shadow_are_shown_in_parentheses_where_it_would_have_acted(self):
        shadow, enforce = summary.medians([row('checkpoints', mode, 1, 60.0, violations=7) for mode in ('shadow', 'enforce')])
        self.assertEqual(shadow['would_be']['yields'], 7)
        self.assertIsNone(enforce['would_be'])
        _, _, of_shadow, of_enforce = printing.table([shadow, enforce]).splitlines()
        self.assertEqual(of_shadow.split()[7:13], ['7', '(7)', '(7)', '(7)', '(7)', '7'])
        self.assertEqual(of_enforce.split()[7:13], ['7'] * 6)

    def test_come_in_one_order_whatever_ran_first(self):
        rows = [row('fresh_tasks', 'enforce', 1, 1.0), row('unloaded', 'shadow', 1, 1.0), row('unloaded', 'bare', 1, 1.0)]
        self.assertEqual([(entry['scenario'], entry['mode']) for entry in summary.medians(rows)],
                         [('unloaded', 'bare'), ('unloaded', 'shadow'), ('fresh_tasks', 'enforce')])

    def test_name_the_heavy_requests_of_their_scenario(self):
        export, restock = summary.medians([row('no_checkpoints', 'bare', 1, 60.0), row('lock', 'bare', 1, 60.0, price_p99=9.0)])
        self.assertEqual(export['exports_per_s'], 80.0)
        self.assertIsNone(export['price_ms'])
        self.assertEqual(restock['restocks_per_s'], 80.0)
        self.assertEqual(restock['price_ms']['p99'], 9.0)

    def test_add_up_the_light_polls_on_demoted_threads(self):
        entry, = summary.medians([row('lock', 'enforce', n, 1.0) for n in (1, 2)])
        self.assertEqual(entry['demoted_light_polls'], 2)

    def test_of_bare_have_no_figures_of_the_daemon(self):
        entry, = summary.medians([row('checkpoints', 'bare', 1, 60.0)])
        self.assertIsNone(entry['violations'])
        self.assertIsNone(entry['daemon_cpu_percent'])


def found_in(rows):
    return {(one.wanted.scenario, one.wanted.mode, one.wanted.figure.what, one.wanted.over): one
            for one in summary.compare(rows)}


class Comparisons(unittest.TestCase):
    def compare(self, enforce_p99, shadow_p99, rate=80.0):
        found = found_in([row('checkpoints', mode, n, value * (1 + n / 100), 80.0 if mode == 'bare' else rate)
                          for mode, value in (('enforce', enforce_p99), ('shadow', shadow_p99), ('bare', 60.0))
                          for n in (3, 1, 2)])
        return {(mode, what): one for (_, mode, what, _), one in found.items()}

    def test_pair_by_repetition_and_not_by_order(self):
        found = self.compare(6.0, 60.0)[('enforce', 'p99 of /lookup')]
        self.assertAlmostEqual(found.ratio.median, 0.1)
        self.assertAlmostEqual(found.ratio.low, found.ratio.high)

    def test_leave_out_a_repetition_that_lacks_a_side(self):
        rows = [row('checkpoints', 'bare', n, 60.0) for n in (1, 2, 3)] + [row('checkpoints', 'enforce', 2, 3.0)]
        found = found_in(rows)[('checkpoints', 'enforce', 'p99 of /lookup', 'bare')]
        self.assertAlmostEqual(found.ratio.median, 0.05)
        self.assertIsNone(found.ratio.low)

    def test_judge_enforce_by_its_median(self):
        self.assertTrue(self.compare(5.9, 60.0)[('enforce', 'p99 of /lookup')].met)
        self.assertFalse(self.compare(6.1, 60.0)[('enforce', 'p99 of /lookup')].met)
        self.assertTrue(self.compare(5.9, 60.0, 72.1)[('enforce', 'reports/s')].met)
        self.assertFalse(self.compare(5.9, 60.0, 71.9)[('enforce', 'reports/s')].met)

    def test_judge_shadow_by_its_interval(self):
        self.assertFalse(self.compare(5.9, 66.0)[('shadow', 'p99 of /lookup')].met)

    def test_do_not_judge_shadow_by_one_repetition(self):
        found = found_in([row('checkpoints', mode, 1, 60.0) for mode in ('bare', 'shadow', 'enforce')])
        self.assertIsNone(found[('checkpoints', 'shadow', 'p99 of /lookup', 'bare')].met)

    def test_ask_nothing_of_enforce_where_nothing_is_heavy(self):
        found = found_in([row('unloaded', mode, 1, 1.0, 0.0) for mode in ('bare', 'shadow', 'enforce')])
        self.assertIsNone(found[('unloaded', 'enforce', 'p99 of /lookup', 'bare')].met)
        self.assertEqual(len(found), 2)

    def test_are_of_what_ran(self):
        self.assertEqual(found_in([row('lock', 'bare', 1, 60.0, price_p99=60.0)]), {})

    def test_judge_a_scenario_without_checkpoints(self):
        def judged(bare, enforce, unloaded, rate):
            found = found_in([row('unloaded', 'enforce', 1, unloaded, 0.0), row('no_checkpoints', 'bare', 1, bare),
                              row('no_checkpoints', 'enforce', 1, enforce, rate)])
            name = 'no_checkpoints', 'enforce'
            return (found[(*name, 'p99 of /lookup', 'bare')].met, found[(*name, 'p99.9 of /lookup', 'bare')].met,
                    found[(*name, 'p99 of /lookup', 'enforce')].met, found[(*name, 'p99 of /lookup', 'enforce')].aim_met,
                    found[(*name, 'exports/s', 'bare')].met)
        self.assertEqual(judged(41.0, 1.0, 0.21, 76.1), (True, True, True, True, True))
        self.assertEqual(judged(39.0, 1.0, 0.19, 75.9), (False, True, True, False, False))
        self.assertEqual(judged(14.0, 1.0, 0.12, 80.0), (False, False, False, False, True))

    def test_judge_who_waits_for_a_lock_by_twice_the_wait_of_bare(self):
        for enforce, met in ((19.9, True), (20.1, False)):
            found = found_in([row('lock', 'bare', 1, 60.0, price_p99=10.0), row('lock', 'enforce', 1, 1.0, price_p99=enforce)])
            self.assertIs(found[('lock', 'enforce', 'p99 of /price', 'bare')].met, met)
            self.assertIsNone(found[('lock', 'enforce', 'p99 of /lookup', 'bare')].met)

    def test_go_into_the_report_with_target_and_verdict(self):
        one = found_in([row('lock', 'bare', 1, 60.0, price_p99=10.0), row('lock', 'enforce', 1, 1.0, price_p99=5.0)])[
            ('lock', 'enforce', 'p99 of /price', 'bare')].as_json()
        self.assertEqual((one['ratio'], one['target'], one['met']), (0.5, '<= 2', True))
        self.assertEqual(one['over'], {'scenario': 'lock', 'mode': 'bare'})

    def test_name_no_scenario_or_mode_that_does_not_exist(self):
        from scenarios.run import MODES, SCENARIOS
        names = {scenario.name: scenario for scenario in SCENARIOS}
        for wanted in WANTED:
            self.assertIn(wanted.scenario, names)
            self.assertIn(wanted.baseline or wanted.scenario, names)
            self.assertIn(wanted.mode, MODES)
            if wanted.figure.route is None:
                self.assertEqual(wanted.figure.what, f'{names[wanted.scenario].heavy}s/s')


class Printing(unittest.TestCase):
    def test_prices_have_rows_of_their_own_below_the_lookups(self):
        table = printing.table(summary.medians([row('lock', mode, 1, 1.0, price_p99=7.0) for mode in ('bare', 'enforce')]))
        starts = [line.split('  ')[0] for line in table.splitlines() if line]
        self.assertEqual(starts, ['scenario', 'lock', 'lock', 'lock: /price', 'lock: /price'])

    def test_a_comparison_shows_target_and_aim(self):
        rows = [row('unloaded', 'enforce', 1, 1.0, 0.0), row('no_checkpoints', 'enforce', 1, 6.0)]
        text = printing.comparisons(summary.compare(rows))
        self.assertRegex(text, r'enforce / unloaded enforce +6\.000 .*met \(target: <= 8; aim: <= 5, short\)')

    def test_it_is_said_how_many_requests_a_quantile_rests_on(self):
        text = printing.samples_line(summary.medians([row('lock', 'bare', 1, 1.0, price_p99=7.0)]))
        self.assertIn('lock /lookup 1001, lock /price 100', text)


if __name__ == '__main__':
    unittest.main()
