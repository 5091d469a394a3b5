"""From single runs to what is reported: medians over the repetitions, ratios between modes, targets."""

import statistics
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from .agreement import counted
from .ratios import Ratio, paired_ratio
from .run import MODES, SCENARIOS, Outcome

QUANTILES = ('p50', 'p99', 'p999', 'max')
COUNTS = {  # in the report: of the daemon, summed over classes
    'violations': 'violations_total',
    'yields': 'yields_obeyed_total',
    'isolations': 'isolated_polls_total',
    'drops': 'ring_dropped_samples_total',
}


def raw(outcome: Outcome, repetition: int) -> Dict[str, Any]:
    """One run as it goes into the report."""
    row: Dict[str, Any] = {
        'scenario': outcome.scenario.name,
        'mode': outcome.mode,
        'repetition': repetition,
        'lookup_ms': {q: outcome.load['lookup_ms'][q] for q in QUANTILES},
        'reports_per_s': outcome.load['reports_per_s'],
        'report_p99_ms': outcome.load['report_ms']['p99'],
        'load': {key: outcome.load[key]
                 for key in ('lateness_ms', 'errors', 'waits', 'connections', 'priority', 'cpu_percent')},
    }
    for name, metric in COUNTS.items():
        row[name] = int(counted(outcome.metrics, metric)) if outcome.metrics else None
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


def _median_of(scenario: str, mode: str, group: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    entry: Dict[str, Any] = {'scenario': scenario, 'mode': mode, 'repetitions': len(group)}
    entry['lookup_ms'] = {q: statistics.median(row['lookup_ms'][q] for row in group) for q in QUANTILES}
    for key in ('reports_per_s', 'report_p99_ms', *COUNTS, 'daemon_cpu_percent'):
        values = [row[key] for row in group if row[key] is not None]
        entry[key] = statistics.median(values) if values else None
    return entry


class Comparison(NamedTuple):
    scenario: str
    what: str
    mode: str  # over bare
    ratio: Optional[Ratio]
    target: str           # in words; empty: none
    met: Optional[bool]   # None: no target, or too few repetitions to judge

    def as_json(self) -> Dict[str, Any]:
        ratio = self.ratio or Ratio(None, None, None)
        return {'scenario': self.scenario, 'what': self.what, 'over_bare': self.mode, 'ratio': ratio.value,
                'interval_95': [ratio.low, ratio.high], 'target': self.target or None, 'met': self.met}


def compare(rows: Sequence[Dict[str, Any]], scenarios: Sequence[str]) -> List[Comparison]:
    found = []
    for scenario in scenarios:
        loaded = any(row['reports_per_s'] for row in rows if row['scenario'] == scenario)
        figures = [('p99 of /lookup', lambda row: row['lookup_ms']['p99'])]
        if loaded:
            figures.append(('reports/s', lambda row: row['reports_per_s']))
        for mode in ('enforce', 'shadow'):
            for what, value in figures:
                ratio = paired_ratio(_series(rows, scenario, mode, value), _series(rows, scenario, 'bare', value))
                found.append(Comparison(scenario, what, mode, ratio, *_judged(what, mode, loaded, ratio)))
    return found


def _series(rows: Sequence[Dict[str, Any]], scenario: str, mode: str, value) -> List[float]:
    mine = [row for row in rows if row['scenario'] == scenario and row['mode'] == mode]
    return [value(row) for row in sorted(mine, key=lambda row: row['repetition'])]


def _judged(what: str, mode: str, loaded: bool, ratio: Optional[Ratio]):
    """What the ratio should be, and whether it is. Beside no hog there is nothing for enforce to gain."""
    if mode == 'shadow':
        met = None if ratio and ratio.low is None else bool(ratio and ratio.contains(1.0))
        return 'interval contains 1', met
    if not loaded:
        return '', None
    if what.startswith('p99'):
        return '<= 1/10', bool(ratio and ratio.value <= 0.1)
    return '>= 0.90', bool(ratio and ratio.value >= 0.9)
