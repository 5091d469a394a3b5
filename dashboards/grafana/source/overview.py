"""All services and daemons at a glance: who waits, who is to blame, and what pulsed does about it."""

from .board import (GREEN, OF_DAEMON, OF_SERVICE, RED, SOME_IS_ODD, TIER_NAMES, TO_ONE_SERVICE, YELLOW, Json, dashboard, lines, number,
                    table, variables)
from .expressions import highest, quantile, rate, total

TO_ITS_SERVICE = {'title': 'this service', 'url': f'/d/pulsed-service{TO_ONE_SERVICE}'
                                                  '&var-service=${__data.fields.service}&${__url_time_range}'}


def overview() -> Json:
    return dashboard(
        'pulsed-overview', 'Who waits behind whom, and what pulsed does about it: over all services and daemons.',
        variables(one_service=False, classes=True),
        [('Now', _now()), ('What the tasks feel', _felt()), ('Who is to blame', _blame()), ('What pulsed does, or would do', _done()),
         ('By service', [_services()])])


def _now():
    return [
        number('Daemons', 'The instances chosen above that Prometheus knows.', (f'count(up{{{OF_DAEMON}}})', 'known'), width=2),
        number('Daemons down', 'Those of them that it does not reach; see PulsedDown in the runbook.',
               (f'count(up{{{OF_DAEMON}}} == 0) or vector(0)', 'down'), width=2, steps=[(None, GREEN), (1, RED)]),
        number('Attached processes', 'Processes that link the shim and are watched now.',
               (total('pulsed_service_processes', 'service'), 'processes'), width=3),
        number('Workers', 'Threads of these that poll tasks, spare workers and isolation pools included.',
               (total('pulsed_service_workers', 'service'), 'workers'), width=3),
        number('Held workers now', 'By polls that are over their budget, or in flight for spare_after by the clock. Isolation '
                                   'pools are left out, as nobody waits behind them.',
               (total('pulsed_in_flight_polls', 'service'), 'polls'), width=3, steps=SOME_IS_ODD),
        number('Longest poll now', 'Wall time of the longest poll in flight, isolation pools left out. Seconds: a worker is as good '
                                   'as gone; see PulsedWorkerHeld.',
               (highest('pulsed_in_flight_longest_seconds', 'service'), 'longest'), unit='s', width=3,
               steps=[(None, GREEN), (0.1, YELLOW), (5, RED)]),
        number('Isolated classes', 'Classes whose new tasks run on the isolation pool, under enforce.',
               (f'count(max by (service, class) (pulsed_class_tier{{{OF_SERVICE},class=~"$class",enforcement="enforce"}}) == 3) or vector(0)',
                'classes'), width=3, steps=SOME_IS_ODD),
        number('Policy in force', 'Revision, what is done with its verdicts, and the most that is done whatever rules say. Below '
                                  'enforce, that limit is the emergency stop.',
               (f'max by (revision, enforcement, enforcement_limit) (pulsed_policy_info{{{OF_DAEMON}}})',
                'r{{revision}} {{enforcement}}, at most {{enforcement_limit}}'), width=5, names=True)]


def _felt():
    return [
        lines('Queue wait', 'From the moment a task could run to its poll: the delay that users feel, and what pulsed is there to '
                            'keep short. A p99 of milliseconds means that something holds the workers; the next row says what.',
              (quantile(0.5, 'pulsed_queue_wait_seconds', 'class', ['service']), '{{service}} p50'),
              (quantile(0.99, 'pulsed_queue_wait_seconds', 'class', ['service']), '{{service}} p99'),
              unit='s', width=12, log=True, limit=0.1),
        lines('Poll duration', 'Wall time of ended polls. The p99 includes the hogs themselves, so it stays high where pulsed '
                               'works: compare with queue wait, which should not follow it.',
              (quantile(0.5, 'pulsed_poll_duration_seconds', 'class', ['service']), '{{service}} p50'),
              (quantile(0.99, 'pulsed_poll_duration_seconds', 'class', ['service']), '{{service}} p99'), unit='s', width=12, log=True)]


def _blame():
    return [
        lines('Violations by class, the ten worst', 'Polls over their budget, each counted once, as soon as seen. A class that is '
                                                    'always here needs checkpoints, a budget of its own, or isolation.',
              (f'topk(10, {rate("pulsed_violations_total", "class", ["service", "class"])})', '{{service}} {{class}}'), unit='ops'),
        lines('CPU by class, the ten greatest', 'Cores that polls of the class are proven to use (a lower bound for tasks below '
                                                'Warn).',
              (f'topk(10, {rate("pulsed_cpu_seconds_total", "class", ["service", "class"])})', '{{service}} {{class}}'), unit='none'),
        lines('Held workers, by blame', 'By polls in flight that are over their budget or last long, and what the worker does '
                                        'meanwhile: burning CPU time, runnable without a CPU (the machine is full), blocked in the '
                                        'kernel (I/O, a lock), or unknown.',
              (total('pulsed_in_flight_polls', 'service', ['blame']), '{{blame}}'), unit='none', stacked=True)]


def _done():
    return [
        lines('Done', 'What pulsed did, under enforce: polls that returned early when asked, polls that ran on isolation pools, '
                      'threads whose OS priority was lowered, spare workers woken.',
              (rate('pulsed_yields_obeyed_total', 'class'), 'yields obeyed'),
              (rate('pulsed_isolated_polls_total', 'class'), 'isolated polls'),
              (rate('pulsed_demotions_total', 'service'), 'demotions'),
              (rate('pulsed_spare_wakes_total', 'service'), 'spare wakes'), unit='ops'),
        lines('Would have been done', 'The same, for classes in shadow: what a switch to enforce would do. All zero under enforce.',
              (rate('pulsed_would_yields_total', 'class'), 'yields'),
              (rate('pulsed_would_isolated_polls_total', 'class'), 'isolated polls'),
              (rate('pulsed_would_demotions_total', 'class'), 'demotions'),
              (rate('pulsed_would_spare_wakes_total', 'service'), 'spare wakes'), unit='ops'),
        lines('Part of CPU a switch would touch', 'Of the CPU time that polls use, the part of those that enforce would do '
                                                  'something about. High, with a long queue wait: worth trying enforce on the '
                                                  'class behind it. Zero under enforce.',
              (f'{rate("pulsed_would_cover_cpu_seconds_total", "class", ["service"])} / '
               f'{rate("pulsed_cpu_seconds_total", "class", ["service"])}', '{{service}}'), unit='percentunit', most=1)]


def _services():
    by = ['service']
    return table(
        'Services', 'The last value of each; a click on the name opens the service.',
        [(rate('pulsed_violations_total', 'class', by), 'Violations/s', 'ops'),
         (quantile(0.99, 'pulsed_queue_wait_seconds', 'class', by), 'Queue wait p99', 's'),
         (rate('pulsed_cpu_seconds_total', 'class', by), 'Cores', 'none'),
         (highest('pulsed_class_tier', 'class', by), 'Highest tier', 'none'),
         (highest('pulsed_in_flight_longest_seconds', 'service', by), 'Longest poll now', 's'),
         (total('pulsed_demoted_threads', 'service', by), 'Demoted threads', 'none'),
         (total('pulsed_service_workers', 'service', by), 'Workers', 'none'),
         (total('pulsed_service_processes', 'service', by), 'Processes', 'none'),
         (rate('pulsed_ring_dropped_samples_total', 'service', by), 'Dropped samples/s', 'ops')],
        labels=by, mappings={'Highest tier': TIER_NAMES}, link_field='service', link=TO_ITS_SERVICE)
