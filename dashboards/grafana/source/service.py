"""One service: how its classes fare, what they do to each other, and what pulsed does or would do."""

from .board import (GREEN, ORANGE, RED, SOME_IS_ODD, TIER_NAMES, YELLOW, YES_NO, Json, dashboard, heatmap, lines, number, states,
                    variables)
from .expressions import SCOPES, highest, quantile, rate, total

CLASS, SERVICE = 'its_class', 'one_service'
BY_CLASS = ['class']
NAME = '{{class}}'


def service() -> Json:
    return dashboard(
        'pulsed-service', 'How the task classes of one service fare, which of them hold its workers, and what is done about it.',
        variables(one_service=True, classes=True),
        [('Now', _now()), ('What the tasks feel', _felt()), ('What the classes use', _used()), ('Verdicts', _verdicts()),
         ('In flight', _in_flight()), ('What is done', _done()), ('Shadow against enforce', _shadow()), ('Can the figures be '
                                                                                                         'trusted', _trust())])


def _now():
    return [
        number('Processes', 'Of this service, attached now: one for each that runs and links the shim.',
               (total('pulsed_service_processes', SERVICE), 'processes'), width=2),
        number('Workers', 'Their threads that poll, spare workers and isolation pool included.',
               (total('pulsed_service_workers', SERVICE), 'workers'), width=2),
        number('Live tasks', 'Of the chosen classes, open now.', (total('pulsed_tasks', CLASS), 'tasks'), width=2),
        number('Held workers now', 'By polls that are over their budget, or in flight for spare_after by the clock. The '
                                   'isolation pool is left out, as nobody waits behind it.',
               (total('pulsed_in_flight_polls', SERVICE), 'polls'), width=3, steps=SOME_IS_ODD),
        number('Longest poll now', 'Wall time, the isolation pool left out. Seconds: see PulsedWorkerHeld in the runbook.',
               (highest('pulsed_in_flight_longest_seconds', SERVICE), 'longest'), unit='s', width=3,
               steps=[(None, GREEN), (0.1, YELLOW), (5, RED)]),
        number('Highest tier', 'That new tasks of any chosen class begin at.',
               (highest('pulsed_class_tier', CLASS), 'tier'), width=3,
               mappings=TIER_NAMES, steps=[(None, GREEN), (1, YELLOW), (2, ORANGE), (3, RED)]),
        number('Demoted threads', 'At a lower OS priority now. Those of the isolation pool always are, once it has run.',
               (total('pulsed_demoted_threads', SERVICE), 'threads'), width=3),
        number('Pinned classes', 'That an operator holds at a tier; `pulsectl classes` shows which. Above 0 for long: somebody may '
                                 'have forgotten.',
               (highest('pulsed_pinned_classes', SERVICE), 'classes'), width=3, steps=SOME_IS_ODD),
        number('Quarantined', 'Yes: a process of it wrote repeated nonsense into its memory and is judged no more; see the runbook.',
               (highest('pulsed_quarantined', SERVICE), 'quarantined'), width=3, mappings=YES_NO, steps=[(None, GREEN), (1, RED)])]


def _felt():
    wait, duration = 'pulsed_queue_wait_seconds', 'pulsed_poll_duration_seconds'
    return [
        lines('Queue wait, p50', 'From the moment a task could run to its poll, half of the tasks wait less.',
              (quantile(0.5, wait, CLASS, BY_CLASS), NAME), unit='s', width=12, log=True),
        lines('Queue wait, p99', 'The delay that users of the class feel at worst. Compare classes: light ones suffer for what '
                                 'hogs do.',
              (quantile(0.99, wait, CLASS, BY_CLASS), NAME), unit='s', width=12, log=True, limit=0.1),
        lines('Poll duration, p50', 'Wall time from begin to end.',
              (quantile(0.5, duration, CLASS, BY_CLASS), NAME), unit='s', log=True),
        lines('Poll duration, p99', 'A class far above the others is the one that holds workers. From buckets: a value between two '
                                    'bounds is interpolated.',
              (quantile(0.99, duration, CLASS, BY_CLASS), NAME), unit='s', log=True),
        heatmap('Poll durations', 'How many polls took how long: two bands are two kinds of work in one class.',
                f'sum by (le) (increase(pulsed_poll_duration_seconds_bucket{{{SCOPES[CLASS]}}}[$__rate_interval]))', 's', width=8)]


def _used():
    return [
        lines('CPU by class', 'Cores that polls of the class are proven to use (a lower bound for tasks below Warn).',
              (rate('pulsed_cpu_seconds_total', CLASS, BY_CLASS), NAME), unit='none', stacked=True),
        lines('Polls', 'Ended polls a second, exact.', (rate('pulsed_polls_total', CLASS, BY_CLASS), NAME), unit='ops'),
        lines('CPU time of a mean poll', 'Near the class\'s budget: it will be over it soon.',
              (f'{rate("pulsed_cpu_seconds_total", CLASS, BY_CLASS)} / {rate("pulsed_polls_total", CLASS, BY_CLASS)}', NAME), unit='s',
              log=True)]


def _verdicts():
    return [
        lines('Violations', 'Polls over their budget, counted once each, as soon as seen.',
              (rate('pulsed_violations_total', CLASS, BY_CLASS), NAME), unit='ops'),
        lines('Violations a poll', 'The part of the class\'s polls that are over its budget. Near 1: the class is like that, and '
                                   'isolating it is right; small: single tasks are.',
              (f'{rate("pulsed_violations_total", CLASS, BY_CLASS)} / {rate("pulsed_polls_total", CLASS, BY_CLASS)}', NAME),
              unit='percentunit', most=1),
        lines('Tasks by tier', 'Live tasks of the chosen classes. Some at isolate, most at monitor: pulsed tells them apart.',
              (total('pulsed_tasks', CLASS, ['tier']), '{{tier}}'), unit='none', stacked=True),
        states('Tier of classes', 'Where new tasks of each class begin. The label says what is done with the verdict: in observe '
                                  'and shadow nothing is.',
               (highest('pulsed_class_tier', CLASS, ['class', 'enforcement']), '{{class}} ({{enforcement}})'),
               mappings=TIER_NAMES, steps=[(None, GREEN), (1, YELLOW), (2, ORANGE), (3, RED)]),
        lines('Tier changes', 'Of tasks, and of classes. Steady traffic both ways is flapping: demotion_quiet or cooldown may be '
                              'too short.',
              (rate('pulsed_tier_changes_total', SERVICE, ['from', 'to']), '{{from}} to {{to}}'),
              (rate('pulsed_class_tier_changes_total', SERVICE), 'classes'), unit='ops', width=12)]


def _in_flight():
    return [
        lines('Held workers, by blame', 'By polls in flight that are over their budget or last long, and what the worker does '
                                        'meanwhile: burning CPU time, runnable without a CPU (the machine is full), blocked in the '
                                        'kernel (I/O, a lock), or unknown.',
              (total('pulsed_in_flight_polls', SERVICE, ['blame']), '{{blame}}'),
              unit='none', stacked=True),
        lines('Longest poll in flight', 'Wall time at each scrape, the isolation pool left out. A rising line is one poll that does '
                                        'not end.',
              (highest('pulsed_in_flight_longest_seconds', SERVICE, ['instance']), '{{instance}}'), unit='s', limit=5),
        lines('Held polls, by blame', 'Polls that held their worker for long or over their budget, by what most of that time went '
                                      'into. Blocked ones call something that waits: no priority helps there, only another thread.',
              (rate('pulsed_held_polls_total', SERVICE, ['blame']), '{{blame}}'), unit='ops', stacked=True)]


def _done():
    return [
        lines('Yields', 'Asked: yield directives written. Obeyed: polls that returned early for one. Far fewer obeyed: too few '
                        'checkpoints.',
              (rate('pulsed_yields_obeyed_total', CLASS, BY_CLASS), 'obeyed by {{class}}'),
              (rate('pulsed_directives_total', SERVICE, matchers=',directive="yield"'), 'asked, all classes'), unit='ops'),
        lines('Isolated polls', 'Polls that ran on the isolation pool, by class.',
              (rate('pulsed_isolated_polls_total', CLASS, BY_CLASS), NAME), unit='ops'),
        lines('Directives', 'Written by the daemon: yield, isolate, and measure (read the thread clock at both ends of a poll).',
              (rate('pulsed_directives_total', SERVICE, ['directive']), '{{directive}}'), unit='ops'),
        lines('Spare workers', 'Parked: ready. Awake: in the place of a worker that is held. None parked and some awake: the next '
                               'hog finds none.',
              (total('pulsed_spare_workers', SERVICE, ['state']), '{{state}}'), unit='none', stacked=True),
        lines('Spare wakes and shortages', 'Shortages are polls that held their worker while no spare worker was left or allowed: '
                                           'raise max_spare_workers, or let the class be isolated.',
              (rate('pulsed_spare_wakes_total', SERVICE), 'wakes'), (rate('pulsed_spare_shortages_total', SERVICE), 'shortages'), unit='ops'),
        lines('Demoted threads', 'Threads at a lower OS priority, the isolation pool\'s included, and as a sum over time.',
              (total('pulsed_demoted_threads', SERVICE), 'now'), (rate('pulsed_demoted_seconds_total', SERVICE), 'mean'), unit='none'),
        lines('Demotions', 'Priorities lowered; refused by the system; and given back for a while because the thread had less than '
                           'its min_share of a CPU: many of these, and the machine is full.',
              (rate('pulsed_demotions_total', SERVICE), 'lowered'), (rate('pulsed_demotions_refused_total', SERVICE), 'refused'),
              (rate('pulsed_demotion_boosts_total', SERVICE), 'boosted'), unit='ops', width=12),
        lines('Undoing a demotion', 'From the end of a demoted poll until its thread has its own priority back. Its worker waits '
                                    'that long, so it should stay near 1 ms.',
              (quantile(0.5, 'pulsed_demotion_undo_seconds', SERVICE), 'p50'),
              (quantile(0.99, 'pulsed_demotion_undo_seconds', SERVICE), 'p99'), unit='s', width=12, log=True)]


def _shadow():
    return [
        lines('Yields', 'Done under enforce, beside what would have been asked of classes in shadow.',
              (rate('pulsed_yields_obeyed_total', CLASS), 'done'), (rate('pulsed_would_yields_total', CLASS), 'would be asked'), unit='ops'),
        lines('Isolated polls', 'Done under enforce, beside what would have been isolated of classes in shadow.',
              (rate('pulsed_isolated_polls_total', CLASS), 'done'), (rate('pulsed_would_isolated_polls_total', CLASS), 'would be'), unit='ops'),
        lines('Demotions and spare wakes', 'Done under enforce, beside what would have been done for polls of classes in shadow.',
              (rate('pulsed_demotions_total', SERVICE), 'demotions'), (rate('pulsed_would_demotions_total', CLASS), 'demotions, '
                                                                                                                    'would be'),
              (rate('pulsed_spare_wakes_total', SERVICE), 'spare wakes'),
              (rate('pulsed_would_spare_wakes_total', SERVICE), 'spare wakes, would be'), unit='ops'),
        lines('Part of CPU a switch would touch', 'Of the CPU time that polls of the class use, the part of those that enforce '
                                                  'would do something about. Zero under enforce.',
              (f'{rate("pulsed_would_cover_cpu_seconds_total", CLASS, BY_CLASS)} / {rate("pulsed_cpu_seconds_total", CLASS, BY_CLASS)}', NAME),
              unit='percentunit', width=12, most=1),
        lines('CPU a switch would touch', 'The same in cores: what is worth a rule of its own comes first.',
              (rate('pulsed_would_cover_cpu_seconds_total', CLASS, BY_CLASS), NAME), unit='none', width=12, stacked=True)]


def _trust():
    return [
        lines('Samples lost', 'Dropped by full rings, or skipped because the daemon had been stopped. Histograms miss those polls; '
                              'totals stay exact.', (rate('pulsed_ring_dropped_samples_total', SERVICE), 'dropped'),
              (rate('pulsed_skipped_samples_total', SERVICE), 'skipped'), unit='ops'),
        lines('Records rejected, tasks without a slot', 'Rejected: nonsense in the service\'s memory, a defect of it or its shim. '
                                                        'Without a slot: the task table was full, so these tasks have no tier of '
                                                        'their own.',
              (rate('pulsed_rejected_records_total', SERVICE), 'rejected'),
              (rate('pulsed_tasks_without_slot_total', SERVICE), 'without a slot'), unit='ops'),
        lines('CPU clocks read late', 'Of the CPU clocks the daemon read itself, the part that came late, as on a CPU that a '
                                      'hypervisor lends to others. Near 1: polls are judged at their end, if at all.',
              (f'{rate("pulsed_late_clock_reads_total", SERVICE)} / {rate("pulsed_clock_reads_total", SERVICE)}', 'late'),
              unit='percentunit', most=1)]
