"""pulsed itself: is it alive and on time, may it do all it can, and does it see everything."""

from .board import GREEN, NO_IS_BAD, OF_DAEMON, OF_SERVICE, YES_NO, Json, bars, dashboard, lines, number, states, variables
from .expressions import highest, quantile, rate, total

INSTANCE = '{{instance}}'
BY_INSTANCE = ['instance']


def daemon() -> Json:
    return dashboard(
        'pulsed-daemon', 'Whether pulsed is alive and on time, what it may do, and whether it sees everything.',
        variables(one_service=False, classes=False),
        [('Now', _now()), ('The control loop', _loop()), ('What it takes', _taken()), ('Samples', _samples()), ('Services that '
                                                                                                                'come and go', _attaches()),
         ('Policy', _policy()), ('HTTP, the API and the log', _api()), ('The scrape', _scrape())])


def _yes(title: str, description: str, metric: str):
    return number(title, description, (f'min by (instance) ({metric}{{{OF_DAEMON}}})', INSTANCE), width=3, mappings=YES_NO, steps=NO_IS_BAD)


def _now():
    return [
        number('Up', 'Whether Prometheus reaches it; see PulsedDown in the runbook.',
               (f'min by (instance) (up{{{OF_DAEMON}}})', INSTANCE), width=2, mappings=YES_NO, steps=NO_IS_BAD),
        number('Version', 'What is running, and whether all instances run the same.',
               (f'max by (version) (pulsed_build_info{{{OF_DAEMON}}})', '{{version}}'), width=3, names=True),
        number('Policy in force', 'Revision, what is done with its verdicts, and the most that is done whatever rules say.',
               (highest('pulsed_policy_info', 'daemon', ['revision', 'enforcement', 'enforcement_limit']),
                'r{{revision}} {{enforcement}}, at most {{enforcement_limit}}'), width=5, names=True),
        number('Running for', 'Since the daemon started; every counter began then.',
               (f'time() - max by (instance) (process_start_time_seconds{{{OF_DAEMON}}})', INSTANCE), unit='s', width=2),
        _yes('High priority', 'No: the control loop lacks CAP_SYS_NICE and wakes late beside busy threads.', 'pulsed_high_priority'),
        _yes('Exact run times', 'No: without CAP_PERFMON it asks the shims for CPU times of polls in flight, which is coarser.',
             'pulsed_exact_run_times'),
        _yes('Can demote', 'No: hogs keep their OS priority. It lacks CAP_SYS_NICE, or its guardian does not run.', 'pulsed_can_demote'),
        _yes('Policy on disk', 'No: the state directory cannot be used. The policy is in memory only, and changes over the API are '
                               'refused.',
             'pulsed_revisions_durable')]


def _loop():
    duration, lateness = 'pulsed_tick_duration_seconds', 'pulsed_tick_lateness_seconds'
    return [
        lines('Ticks', 'Some 1,000 a second while polls are in flight, 100 or fewer at rest. Zero: it stands still; see '
                       'PulsedNotTicking.',
              (rate(f'{duration}_count', 'daemon', BY_INSTANCE), INSTANCE), unit='ops'),
        lines('Tick duration', 'To collect, decide and act, and to make the picture that scrapes, the page and the API are answered '
                               'from. Above the tick (1 ms) the loop cannot keep up, and hogs are seen late.',
              (quantile(0.5, duration, 'daemon', BY_INSTANCE), '{{instance}} p50'),
              (quantile(0.99, duration, 'daemon', BY_INSTANCE), '{{instance}} p99'), unit='s', log=True, limit=0.001),
        lines('Tick lateness', 'How much later than asked the loop woke. Hogs are seen that much later. Milliseconds: see High '
                               'priority above.',
              (quantile(0.5, lateness, 'daemon', BY_INSTANCE), '{{instance}} p50'),
              (quantile(0.99, lateness, 'daemon', BY_INSTANCE), '{{instance}} p99'), unit='s', log=True, limit=0.005),
        lines('Part of a core spent in ticks', 'Of one core; waking up costs some more that is not in here.',
              (rate(f'{duration}_sum', 'daemon', BY_INSTANCE), INSTANCE), unit='percentunit', width=12),
        lines('Demotions undone by the guardian', 'Threads it put back because the daemon stood still. Any: the daemon was stopped '
                                                  'or starved.',
              (rate('pulsed_demotions_undone_by_guardian_total', 'daemon', BY_INSTANCE), INSTANCE), unit='ops', width=12)]


def _taken():
    return [
        lines('CPU', 'Cores that the process uses, its wakes, scrapes and API calls included. At rest some thousandths; a few '
                     'hundredths while polls are in flight.',
              (rate('process_cpu_seconds_total', 'daemon', BY_INSTANCE), INSTANCE), unit='none'),
        lines('Resident memory', 'Of the process; pages it shares with services are in it. It follows the number of services, '
                                 'workers and live tasks: steady growth without these is a leak.',
              (highest('process_resident_memory_bytes', 'daemon', BY_INSTANCE), INSTANCE), unit='bytes'),
        lines('Open files', 'Each attached process takes some. Near the limit services can no longer attach.',
              (f'{highest("process_open_fds", "daemon", BY_INSTANCE)} / {highest("process_max_fds", "daemon", BY_INSTANCE)}', INSTANCE),
              unit='percentunit', limit=0.8, most=1)]


def _samples():
    return [
        lines('Samples read', 'Ended polls, queue waits, tasks opened and closed, of all services.',
              (rate('pulsed_samples_total', 'daemon', BY_INSTANCE), INSTANCE), unit='ops'),
        lines('Samples dropped, by service', 'By rings that were full. Histograms miss those polls, totals stay exact. Lasting: '
                                             'the daemon is starved, or the service\'s rings are too small; see '
                                             'PulsedSamplesDropped.',
              (rate('pulsed_ring_dropped_samples_total', 'service', ['service']), '{{service}}'), unit='ops'),
        lines('Records rejected and samples skipped', 'Rejected: nonsense in a service\'s memory. Skipped: too old to judge, as '
                                                      'the daemon had been stopped.',
              (rate('pulsed_rejected_records_total', 'service', ['service']), '{{service}} rejected'),
              (rate('pulsed_skipped_samples_total', 'service', ['service']), '{{service}} skipped'), unit='ops')]


def _attaches():
    return [
        lines('Attached processes', 'By service: a step down is a process that ended or detached.',
              (total('pulsed_service_processes', 'service', ['service']), '{{service}}'), unit='none',
              stacked=True),
        lines('Attaches and detaches', 'Processes that came and went. Both at a steady rate: something restarts over and over.',
              (rate('pulsed_attaches_total', 'daemon'), 'attaches'), (rate('pulsed_detaches_total', 'daemon'), 'detaches'), unit='ops'),
        lines('Refused and quarantined', 'Refused: over a cap, of a wrong ABI, or from a user without the right; the log says '
                                         'which.',
              (rate('pulsed_attaches_refused_total', 'daemon'), 'refused'), (rate('pulsed_quarantines_total', 'daemon'), 'quarantined'),
              unit='ops')]


def _policy():
    return [
        states('Revision in force', 'A band for each revision with its enforcement, as long as it was in force; where one ends and '
                                    'the next begins is a change.',
               (highest('pulsed_policy_info', 'daemon', ['instance', 'revision', 'enforcement', 'enforcement_limit']),
                '{{instance}} r{{revision}} {{enforcement}}, at most {{enforcement_limit}}'), steps=[(None, GREEN)]),
        lines('Reloads', 'Policies put in force, by a file or over the API; reloads refused, because pulsed.yaml or the policy file '
                         'had a mistake; policies that could not be stored. The log says why.',
              (f'sum by (instance) (increase(pulsed_policy_reloads_total{{{OF_DAEMON}}}[$__rate_interval]))', '{{instance}} in force'),
              (f'sum by (instance) (increase(pulsed_policy_reload_failures_total{{{OF_DAEMON}}}[$__rate_interval]))', '{{instance}} refused'),
              (f'sum by (instance) (increase(pulsed_revision_store_failures_total{{{OF_DAEMON}}}[$__rate_interval]))',
               '{{instance}} not stored'),
              unit='none', width=12)]


def _api():
    return [
        lines('HTTP turned away', 'Connections over their number, and replies over the bytes that may wait to be read: scrapes may be '
                                  'lost. Watchers of /events over their number: pages of the browser, which try again by themselves; '
                                  'scrapes are not touched.',
              (rate('pulsed_http_connections_refused_total', 'daemon', BY_INSTANCE), '{{instance}} connections'),
              (rate('pulsed_http_replies_refused_total', 'daemon', BY_INSTANCE), '{{instance}} replies'),
              (rate('pulsed_http_watchers_refused_total', 'daemon', BY_INSTANCE), '{{instance}} watchers'), unit='ops', width=12),
        lines('Watchers', 'Of /events, now: each open page is one.',
              (total('pulsed_http_watchers', 'daemon', BY_INSTANCE), INSTANCE), unit='none', width=12),
        lines('API calls', 'That ended, by method and gRPC status; a stream counts at its end.',
              (rate('pulsed_api_calls_total', 'daemon', ['method', 'code']), '{{method}} {{code}}'), unit='ops'),
        lines('API connections closed', 'Of users without the right, over a cap, or silent; the log says which.',
              (rate('pulsed_api_connections_refused_total', 'daemon', BY_INSTANCE), INSTANCE), unit='ops'),
        lines('Log lines lost', 'Because nobody took them off the daemon\'s hands in time. What they said is counted elsewhere.',
              (rate('pulsed_log_lines_dropped_total', 'daemon', BY_INSTANCE), INSTANCE), unit='ops')]


def _scrape():
    return [
        lines('Series a scrape', 'How many samples one scrape brings: at most 40 a class; README.md beside the boards has the sum.',
              (f'max by (instance) (scrape_samples_scraped{{{OF_DAEMON}}})', INSTANCE), unit='none'),
        bars('Series by service, the ten greatest', 'Where they come from, now. A service with many classes, or names that hold an '
                                                    'id, shows here.',
             (f'topk(10, count by (service) ({{__name__=~"pulsed_.+",{OF_SERVICE}}}))', '{{service}}')),
        lines('Scrape duration', 'As Prometheus sees it. The loop is held for about a millisecond of it at 1,000 classes.',
              (f'max by (instance) (scrape_duration_seconds{{{OF_DAEMON}}})', INSTANCE), unit='s', limit=1),
        lines('Names folded into "other"', 'Of services and classes, since the daemon started, because a cap was reached: names '
                                           'hold something that varies, such as an id.',
              (highest('pulsed_folded_label_values_total', 'daemon', BY_INSTANCE), INSTANCE), unit='none'),
        lines('Log lines withheld, by service', 'Reports over reports_per_minute. They are counted all the same, and are events but '
                                                'for those left out, beside.',
              (rate('pulsed_reports_withheld_total', 'service', ['service']), '{{service}}'), unit='ops'),
        lines('Events left out', 'One tick had too many: the API and the page miss them, other metrics count them.',
              (rate('pulsed_events_left_out_total', 'daemon', BY_INSTANCE), INSTANCE), unit='ops')]
