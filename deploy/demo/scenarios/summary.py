"""From single runs to what is reported: medians over the repetitions, ratios between modes."""

import statistics
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from .agreement import WOULD_BE, counted
from .ratios import Ratio, paired_ratio
from .run import MODES, SCENARIOS, Outcome
from .targets import WANTED, Figure, Target, Wanted

QUANTILES = ('p50', 'p99', 'p999', 'max')
COUNTS = {  # in the report: of the daemon, summed over classes
    'violations': 'violations_total',
    'yields': 'yields_obeyed_total',
    'isolations': 'isolated_polls_total',
    'spares': 'spare_wakes_total',
    'demotions': 'demotions_total',
    'drops': 'ring_dropped_samples_total',
}


def raw(outcome: Outcome, repetition: int) -> Dict[str, Any]:
    """One run as it goes into the report."""
    load, heavy = outcome.load, outcome.scenario.heavy
    row: Dict[str, Any] = {
        'scenario': outcome.scenario.name,
        'mode': outcome.mode,
        'repetition': repetition,
        'lookup_ms': _latency(load['lookup_ms']),
        'price_ms': _latency(load['price_ms']) if load['price_ms']['count'] else None,
        'heavy': heavy,
        f'{heavy}s_per_s': load['heavy_per_s'],
        f'{heavy}_p99_ms': load['heavy_ms']['p99'],
        'served': outcome.served,
        'service_cpu_s': outcome.service_cpu_s,
        'load': {key: load[key]
                 for key in ('lateness_ms', 'errors', 'waits', 'connections', 'priority', 'cpu_percent')},
    }
    for name, metric in COUNTS.items():
        row[name] = int(counted(outcome.metrics, metric)) if outcome.metrics else None
    row['would_be'] = ({name: int(counted(outcome.metrics, metric)) for name, metric in WOULD_BE.items()}
                       if outcome.mode == 'shadow' else None)
    row['daemon_cpu_percent'] = outcome.daemon_cpu_percent
    return row


def medians(rows: Sequence[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """One entry for each scenario and mode that has rows, in the order of SCENARIOS and MODES."""
    entries = []
    for scenario in SCENARIOS:
        for mode in MODES:
            group = [row for row in rows if (row['scenario'], row['mode']) == (scenario.name, mode)]
            if group:
                entries.append(_median_of(scenario.name, mode, group))
    return entries


def _latency(summary: Dict[str, float]) -> Dict[str, float]:
    return {name: summary[name] for name in ('count', *QUANTILES)}


def heavy_rate(entry: Dict[str, Any]) -> float:
    """Heavy requests answered a second, in a row or an entry: `reports_per_s`, say."""
    return entry[f"{entry['heavy']}s_per_s"]


def _median_of(scenario: str, mode: str, group: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    heavy = group[0]['heavy']
    entry: Dict[str, Any] = {'scenario': scenario, 'mode': mode, 'repetitions': len(group), 'heavy': heavy}
    for route in ('lookup_ms', 'price_ms'):
        entry[route] = group[0][route] and {
            name: statistics.median(row[route][name] for row in group) for name in ('count', *QUANTILES)}
    for key in (f'{heavy}s_per_s', f'{heavy}_p99_ms', 'service_cpu_s', *COUNTS, 'daemon_cpu_percent'):
        values = [row[key] for row in group if row[key] is not None]
        entry[key] = statistics.median(values) if values else None
    entry['would_be'] = group[0]['would_be'] and {
        name: statistics.median(row['would_be'][name] for row in group) for name in WOULD_BE}
    entry['demoted_light_polls'] = sum(row['served']['demoted_light_polls'] for row in group)
    return entry


class Comparison(NamedTuple):
    wanted: Wanted
    ratio: Optional[Ratio]
    met: Optional[bool]  # None: no target, or too few repetitions to judge
    aim_met: Optional[bool]

    def as_json(self) -> Dict[str, Any]:
        wanted, ratio = self.wanted, self.ratio or Ratio(None, None, None, None)
        return {'scenario': wanted.scenario, 'what': wanted.figure.what, 'mode': wanted.mode,
                'over': {'scenario': wanted.baseline or wanted.scenario, 'mode': wanted.over},
                'ratio': ratio.median, 'mean': ratio.mean, 'interval_95': [ratio.low, ratio.high],
                'target': wanted.target and wanted.target.text, 'met': self.met,
                'aim': wanted.aim and wanted.aim.text, 'aim_met': self.aim_met}


def compare(rows: Sequence[Dict[str, Any]]) -> List[Comparison]:
    """Of all that is wanted what has runs on both sides."""
    found = []
    for wanted in WANTED:
        above = _series(rows, wanted.scenario, wanted.mode, wanted.figure)
        below = _series(rows, wanted.baseline or wanted.scenario, wanted.over, wanted.figure)
        pairs = sorted(above.keys() & below.keys())
        if pairs:
            ratio = paired_ratio([above[n] for n in pairs], [below[n] for n in pairs])
            found.append(Comparison(wanted, ratio, _judged(wanted.target, ratio), _judged(wanted.aim, ratio)))
    return found


def _series(rows: Sequence[Dict[str, Any]], scenario: str, mode: str, figure: Figure) -> Dict[int, float]:
    """By repetition."""
    mine = [row for row in rows if (row['scenario'], row['mode']) == (scenario, mode)]
    return {row['repetition']: heavy_rate(row) if figure.route is None else
            row[f'{figure.route}_ms'][figure.quantile] for row in mine}


def _judged(target: Optional[Target], ratio: Optional[Ratio]) -> Optional[bool]:
    if target is None:
        return None
    return target.judge(ratio) if ratio else False
