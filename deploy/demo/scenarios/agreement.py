"""Do the daemon, the service and the load generator tell the same story about a run? Bounds are stated where used."""

from typing import Dict, List

from .daemon import SERVICE
from .metrics_text import Metrics
from .run import Outcome

# A request is the poll that reads and answers it and the one in which its answer was written; connections and nested
# completions may add to that, and never double it.
MOST_POLLS_PER_REQUEST = 4
LONG_POLL_S = 0.010     # heavy work that is not interrupted takes 20 ms
COUNT_TOLERANCE = 0.02  # for what the daemon derives from samples, and for requests under way at either end
MOST_FALSE_VIOLATIONS = 0.01  # of light requests: their 20 us are far below any budget, and waiting for a lock is none

MOST_NEEDLESS_WAKES = 0.01  # by light requests: any poll that is kept from running for long holds its worker
IN_PLACE = 'in_place'
HELD_ACTS = ('spare_wakes_total', 'demotions_total')  # on polls that hold their worker
ACTS = ('directives_total', 'yields_obeyed_total', 'isolated_polls_total', *HELD_ACTS)
WOULD_BE = {  # what shadow says it would have done, by what a report calls it
    'yields': 'would_yields_total',
    'isolations': 'would_isolated_polls_total',
    'spares': 'would_spare_wakes_total',
    'demotions': 'would_demotions_total',
}


def disagreements(outcome: Outcome) -> List[str]:
    """What does not fit, in words; nothing if all is well."""
    found = _load_and_service(outcome)
    if outcome.metrics:
        found += _polls(outcome, outcome.metrics)
        found += _verdicts(outcome, outcome.metrics)
        found += _times(outcome, outcome.metrics)
        found += _health(outcome, outcome.metrics)
    return found


def counted(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.total(f'pulsed_{name}', service=SERVICE, **labels)


def heavy_requests(outcome: Outcome) -> int:
    return outcome.served[f'{outcome.scenario.heavy}s']


def _load_and_service(outcome: Outcome) -> List[str]:
    load, served, found = outcome.load, outcome.served, []
    if load['errors']:
        found.append(f"{load['errors']} requests failed; the first: {load['first_error']}")
    else:
        heavy = outcome.scenario.heavy
        answered = {'lookups': load['lookups_total'], 'prices': load['prices_total'], f'{heavy}s': load['heavy_total']}
        found += [f'the load generator had {count} {name} answered, the service served {served[name]}'
                  for name, count in answered.items() if count != served[name]]
    if served['demoted_light_polls']:
        found.append(f"{served['demoted_light_polls']} light polls ran at another OS priority than the service's, "
                     f"{served['begun_demoted_light_polls']} of them from their begin")
    return found


def _requests_by_class(outcome: Outcome) -> Dict[str, int]:
    return {'demo/lookup': outcome.served['lookups'], 'demo/price': outcome.served['prices'],
            f'demo/{outcome.scenario.heavy}': heavy_requests(outcome)}


def _polls(outcome: Outcome, metrics: Metrics) -> List[str]:
    found = []
    for cls, requests in _requests_by_class(outcome).items():
        polls = counted(metrics, 'polls_total', cls=cls) - counted(metrics, 'yields_obeyed_total', cls=cls)
        if not requests <= polls <= MOST_POLLS_PER_REQUEST * requests:
            found.append(f'{polls:.0f} polls of {cls} beside its yields do not fit {requests} requests '
                         f'(1 to {MOST_POLLS_PER_REQUEST} each)')
    return found


def _verdicts(outcome: Outcome, metrics: Metrics) -> List[str]:
    found, heavy, requests = [], outcome.scenario.heavy, heavy_requests(outcome)
    acts = {name: counted(metrics, name) for name in ACTS}
    violations = counted(metrics, 'violations_total', cls=f'demo/{heavy}')
    if outcome.mode == 'shadow':
        found += [f'shadow acted: pulsed_{name} is {count:.0f}' for name, count in acts.items() if count]
        if not _near(violations, requests):
            found.append(f'{violations:.0f} violations of demo/{heavy} for {requests} {heavy}s of 20 ms, one poll each')
        if requests and not any(counted(metrics, name) for name in WOULD_BE.values()):
            found.append(f'shadow would have done nothing about {requests} {heavy}s')
    elif requests and not any(acts.values()):
        found.append(f'enforce did nothing beside {requests} {heavy}s')
    elif requests and outcome.scenario.name == IN_PLACE:
        found += [f'pulsed_{name} is 0 beside {requests} {heavy}s that cannot be isolated'
                  for name in HELD_ACTS if not acts[name]]
        if acts['isolated_polls_total']:
            found.append(f"{acts['isolated_polls_total']:.0f} polls were isolated against the policy")
    elif not requests:
        if acts['demotions_total']:
            found.append(f"pulsed_demotions_total is {acts['demotions_total']:.0f} beside no heavy request")
        if acts['spare_wakes_total'] > MOST_NEEDLESS_WAKES * outcome.served['lookups']:
            found.append(f"{acts['spare_wakes_total']:.0f} spare workers woken for {outcome.served['lookups']} lookups alone")
    for cls in ('demo/lookup', 'demo/price'):
        false_ones, all_of_them = counted(metrics, 'violations_total', cls=cls), _requests_by_class(outcome)[cls]
        if false_ones > MOST_FALSE_VIOLATIONS * all_of_them:
            found.append(f'{false_ones:.0f} violations of {cls}, whose {all_of_them} polls are short')
    return found


def _times(outcome: Outcome, metrics: Metrics) -> List[str]:
    found = []
    cpu = counted(metrics, 'cpu_seconds_total')
    if cpu > outcome.service_cpu_s + 0.05:  # /proc counts in ticks of 10 ms
        found.append(f'polls are said to have used {cpu:.2f} s of CPU time, the whole process '
                     f'{outcome.service_cpu_s:.2f} s')
    wait = metrics.quantile_bucket('pulsed_queue_wait_seconds', 0.5, service=SERVICE, cls='demo/lookup')
    longest = outcome.load['lookup_ms']['max']
    if wait and wait[0] * 1000 > longest:
        found.append(f'half of the lookups are said to have waited more than {wait[0] * 1000:.3g} ms in queues, while '
                     f'the slowest of all took {longest:.3g} ms')
    if outcome.mode == 'shadow':
        heavy, requests = outcome.scenario.heavy, heavy_requests(outcome)
        long_polls = metrics.count_above('pulsed_poll_duration_seconds', LONG_POLL_S, service=SERVICE,
                                         cls=f'demo/{heavy}')
        dropped = counted(metrics, 'ring_dropped_samples_total')
        if requests and not dropped and (long_polls is None or not _near(long_polls, requests)):
            found.append(f'{long_polls} polls of demo/{heavy} over {LONG_POLL_S * 1000:.0f} ms for {requests} {heavy}s')
    return found


def _health(outcome: Outcome, metrics: Metrics) -> List[str]:
    found = [f'pulsed_{name} is {counted(metrics, name):.0f}'
             for name in ('rejected_records_total', 'quarantined') if counted(metrics, name)]
    if not metrics.matching('pulsed_policy_info', enforcement=outcome.mode):
        found.append(f'pulsed_policy_info does not say enforcement="{outcome.mode}"')
    return found


def _near(count: float, expected: float) -> bool:
    return abs(count - expected) <= max(2, COUNT_TOLERANCE * expected)
