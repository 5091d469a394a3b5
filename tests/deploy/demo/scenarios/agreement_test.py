import unittest

from scenarios.agreement import disagreements
from scenarios.metrics_text import parse
from scenarios.run import SCENARIOS, Outcome

SHADOW = {
    'pulsed_polls_total{service="pulsed-demo",class="demo/lookup"}': 2000,
    'pulsed_polls_total{service="pulsed-demo",class="demo/report"}': 200,
    'pulsed_violations_total{service="pulsed-demo",class="demo/report"}': 100,
    'pulsed_would_isolated_polls_total{service="pulsed-demo",class="demo/report"}': 90,
    'pulsed_cpu_seconds_total{service="pulsed-demo",class="demo/report"}': 2.0,
    'pulsed_poll_duration_seconds_bucket{service="pulsed-demo",class="demo/report",le="0.008"}': 100,
    'pulsed_poll_duration_seconds_bucket{service="pulsed-demo",class="demo/report",le="+Inf"}': 200,
    'pulsed_policy_info{revision="1",enforcement="shadow"}': 1,
}


def outcome(mode='shadow', changes=None, served=None, load=None, scenario='checkpoints'):
    values = {**SHADOW, **(changes or {})}
    text = ''.join(f'{name} {value}\n' for name, value in values.items() if value is not None)
    chosen, = (one for one in SCENARIOS if one.name == scenario)
    text = text.replace('demo/report', f'demo/{chosen.heavy}')
    requests = {'lookups': 1000, 'prices': 0, f'{chosen.heavy}s': 100, 'refused': 0, 'demoted_light_polls': 0,
                'begun_demoted_light_polls': 0, 'isolated_light_polls': 0, **(served or {})}
    loaded = {'errors': 0, 'first_error': '', 'lookups_total': 1000, 'prices_total': 0, 'heavy_total': 100,
              'lookup_ms': {'max': 60.0}, **(load or {})}
    return Outcome(chosen, mode, loaded, requests, 2.5, parse(text) if mode != 'bare' else None, 1.0)


ENFORCED = {
    'pulsed_policy_info{revision="1",enforcement="shadow"}': None,
    'pulsed_policy_info{revision="1",enforcement="enforce"}': 1,
    'pulsed_yields_obeyed_total{service="pulsed-demo",class="demo/report"}': 50,
    'pulsed_polls_total{service="pulsed-demo",class="demo/report"}': 250,
}


class Agreement(unittest.TestCase):
    def assert_one(self, pattern, **kwargs):
        found = disagreements(outcome(**kwargs))
        self.assertEqual(len(found), 1, found)
        self.assertRegex(found[0], pattern)

    def test_what_fits_is_not_reported(self):
        self.assertEqual(disagreements(outcome()), [])
        self.assertEqual(disagreements(outcome('enforce', ENFORCED)), [])
        self.assertEqual(disagreements(outcome('bare')), [])

    def test_failed_requests_are(self):
        self.assert_one('3 requests failed; the first: gone', load={'errors': 3, 'first_error': 'gone'})

    def test_the_service_and_the_load_generator_count_alike(self):
        self.assert_one('1000 lookups answered, the service served 999', served={'lookups': 999})
        self.assert_one('100 reports answered, the service served 99', served={'reports': 99})
        self.assert_one('7 prices answered, the service served 0', load={'prices_total': 7})

    def test_no_light_poll_may_run_on_a_demoted_thread(self):
        for mode, changes in (('bare', None), ('shadow', None), ('enforce', ENFORCED)):
            self.assert_one('1 light polls ran at another', mode=mode, changes=changes, served={'demoted_light_polls': 1})

    def test_heavy_requests_are_those_of_the_scenario(self):
        self.assertEqual(disagreements(outcome(scenario='lock')), [])
        self.assert_one('90 violations of demo/restock for 100 restocks', scenario='lock', changes={
            'pulsed_violations_total{service="pulsed-demo",class="demo/report"}': 90})

    def test_every_request_is_one_to_four_polls(self):
        name = 'pulsed_polls_total{service="pulsed-demo",class="demo/lookup"}'
        self.assert_one('999 polls of demo/lookup', changes={name: 999})
        self.assert_one('4001 polls of demo/lookup', changes={name: 4001})
        self.assertEqual(disagreements(outcome(changes={name: 4000})), [])

    def test_polls_that_ended_in_a_yield_are_no_requests(self):
        self.assert_one('350 polls', mode='enforce', served={'reports': 80}, load={'heavy_total': 80}, changes={
            **ENFORCED, 'pulsed_polls_total{service="pulsed-demo",class="demo/report"}': 400})

    def test_shadow_does_not_act(self):
        self.assert_one('shadow acted: pulsed_directives_total is 1',
                        changes={'pulsed_directives_total{service="pulsed-demo",directive="yield"}': 1})

    def test_shadow_sees_every_report_as_one_violation(self):
        self.assert_one('90 violations', changes={
            'pulsed_violations_total{service="pulsed-demo",class="demo/report"}': 90})

    def test_shadow_sees_every_report_as_one_long_poll(self):
        self.assert_one('90.0 polls of demo/report over 10 ms', changes={
            'pulsed_poll_duration_seconds_bucket{service="pulsed-demo",class="demo/report",le="0.008"}': 110})

    def test_shadow_says_what_it_would_have_done(self):
        name = 'pulsed_would_isolated_polls_total{service="pulsed-demo",class="demo/report"}'
        self.assert_one('would have done nothing about 100 reports', changes={name: 0})

    def test_shadow_wakes_and_demotes_nobody(self):
        for name in ('spare_wakes', 'demotions'):
            self.assert_one(f'shadow acted: pulsed_{name}_total is 3', changes={
                f'pulsed_{name}_total{{service="pulsed-demo"}}': 3})

    def test_nobody_is_demoted_beside_no_heavy_request(self):
        quiet = {name: None for name in SHADOW if 'demo/report' in name}
        quiet.update({name: value for name, value in ENFORCED.items() if 'policy_info' in name})
        none = {'mode': 'enforce', 'scenario': 'unloaded', 'served': {'reports': 0}, 'load': {'heavy_total': 0}}
        self.assertEqual(disagreements(outcome(changes=quiet, **none)), [])
        self.assert_one('pulsed_demotions_total is 1 beside no heavy', **none, changes={
            **quiet, 'pulsed_demotions_total{service="pulsed-demo"}': 1})

        wakes = 'pulsed_spare_wakes_total{service="pulsed-demo"}'
        self.assertEqual(disagreements(outcome(changes={**quiet, wakes: 10}, **none)), [])
        self.assert_one('11 spare workers woken for 1000 lookups alone', **none, changes={**quiet, wakes: 11})

    def test_hogs_that_stay_where_they_are_wake_spare_workers_and_are_demoted(self):
        in_place = {'mode': 'enforce', 'scenario': 'in_place'}
        wakes, demotions, isolated = (f'pulsed_{name}_total{{service="pulsed-demo"}}'
                                      for name in ('spare_wakes', 'demotions', 'isolated_polls'))
        both = {**ENFORCED, wakes: 2, demotions: 100}
        self.assertEqual(disagreements(outcome(changes=both, **in_place)), [])
        self.assert_one('spare_wakes_total is 0', **in_place, changes={**both, wakes: 0})
        self.assert_one('demotions_total is 0', **in_place, changes={**both, demotions: 0})
        self.assert_one('3 polls were isolated against', **in_place, changes={**both, isolated: 3})

    def test_waking_a_spare_worker_is_acting(self):
        changes = {**ENFORCED, 'pulsed_yields_obeyed_total{service="pulsed-demo",class="demo/report"}': 0}
        self.assertEqual(disagreements(outcome('enforce', {
            **changes, 'pulsed_spare_wakes_total{service="pulsed-demo"}': 2}, scenario='no_checkpoints')), [])

    def test_enforce_acts_beside_reports(self):
        self.assert_one('enforce did nothing beside 100 reports', mode='enforce', changes={
            **ENFORCED, 'pulsed_yields_obeyed_total{service="pulsed-demo",class="demo/report"}': 0})

    def test_lookups_do_not_violate(self):
        self.assert_one('11 violations of demo/lookup', changes={
            'pulsed_violations_total{service="pulsed-demo",class="demo/lookup"}': 11})

    def test_polls_use_no_more_cpu_time_than_the_process(self):
        self.assert_one('2.60 s of CPU time', changes={
            'pulsed_cpu_seconds_total{service="pulsed-demo",class="demo/report"}': 2.6})

    def test_half_of_the_queue_waits_are_not_longer_than_the_slowest_request(self):
        base = 'pulsed_queue_wait_seconds_bucket{service="pulsed-demo",class="demo/lookup",le='
        self.assert_one('waited more than 100 ms', changes={
            base + '"0.1"}': 1, base + '"0.2"}': 10, base + '"+Inf"}': 10})

    def test_rejected_records_and_quarantine_are_failures(self):
        self.assert_one('rejected_records_total is 2', changes={
            'pulsed_rejected_records_total{service="pulsed-demo"}': 2})
        self.assert_one('quarantined is 1', changes={'pulsed_quarantined{service="pulsed-demo"}': 1})

    def test_the_daemon_enforces_what_it_was_told(self):
        self.assert_one('enforcement="enforce"', mode='enforce', changes={
            **ENFORCED, 'pulsed_policy_info{revision="1",enforcement="enforce"}': None})


if __name__ == '__main__':
    unittest.main()
