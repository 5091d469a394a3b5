"""From runs to what is reported: medians over the repetitions, ratios within each, targets."""

import statistics
from typing import Any, Dict, List, Optional

from runs import ENDLESS, HOGS, RUNTIMES, SCENARIOS, UNLOADED, Outcome, Runtime, Scenario

QUANTILES = {'p50_ms': 0.5, 'p99_ms': 0.99, 'p99.9_ms': 0.999, 'max_ms': 1.0}
HEADINGS = ('', 'p50', 'p99', 'p99.9', 'max', 'polls/s', 'p99 / bare', 'p99.9 / bare', 'polls / bare', 'p99 / no hogs')


def nearest_rank(ordered, quantile: float) -> float:
    """The least of them that at least that share of them does not exceed."""
    rank = -int(-quantile * len(ordered) // 1)
    return ordered[max(rank, 1) - 1]


def summarised(scenario: Scenario, runtime: Runtime, repetition: int, outcome: Outcome) -> Dict[str, Any]:
    row: Dict[str, Any] = {'scenario': scenario.name, 'runtime': runtime.name, 'repetition': repetition,
                           'requests_measured': len(outcome.light_ns), 'unserved': outcome.unserved}
    for name, quantile in QUANTILES.items():
        row[name] = nearest_rank(outcome.light_ns, quantile) / 1e6
    row['polls_per_s'] = outcome.polls_per_s if scenario.polls else None
    row['requests'] = outcome.requests
    row['daemon_cpu_percent'] = outcome.daemon_cpu_percent
    row['daemon'] = outcome.daemon_acts
    return row


def _of(rows, scenario: str, runtime: str) -> Dict[int, Dict[str, Any]]:
    return {row['repetition']: row for row in rows if (row['scenario'], row['runtime']) == (scenario, runtime)}


def medians(rows) -> List[Dict[str, Any]]:
    entries = []
    for scenario in SCENARIOS:
        for runtime in RUNTIMES:
            group = list(_of(rows, scenario.name, runtime.name).values())
            if not group:
                continue
            entry = {'scenario': scenario.name, 'runtime': runtime.name, 'repetitions': len(group)}
            for key in (*QUANTILES, 'unserved', 'polls_per_s', 'daemon_cpu_percent'):
                values = [row[key] for row in group if row[key] is not None]
                entry[key] = statistics.median(values) if values else None
            entries.append(entry)
    return entries


def _ratio(rows, key: str, over, under) -> Optional[float]:
    """The median of the ratios within each repetition; `over` and `under` are a scenario and a runtime."""
    upper, lower = _of(rows, *over), _of(rows, *under)
    values = [upper[n][key] / lower[n][key] for n in upper if n in lower and lower[n][key]]
    return statistics.median(values) if values else None


def comparisons(rows) -> List[Dict[str, Any]]:
    found = []
    for scenario in SCENARIOS:
        for runtime in RUNTIMES:
            mine, bare = (scenario.name, runtime.name), (scenario.name, RUNTIMES[0].name)
            if not _of(rows, *mine):
                continue
            unloaded = (UNLOADED, runtime.unloaded_as or runtime.name)
            found.append({
                'scenario': scenario.name, 'runtime': runtime.name,
                'p99_over_bare': _ratio(rows, 'p99_ms', mine, bare),
                'p99.9_over_bare': _ratio(rows, 'p99.9_ms', mine, bare),
                'polls_over_bare': _ratio(rows, 'polls_per_s', mine, bare) if scenario.polls else None,
                'p99_over_no_hogs': _ratio(rows, 'p99_ms', mine, unloaded) if scenario.name != UNLOADED else None,
            })
    return found


def judged(rows) -> List[Dict[str, Any]]:
    """What pulsed should reach, and whether it does."""
    targets = ((HOGS, 'p99_over_bare', 'p99 / bare', '<=', 1 / 40, '1/40'),
               (HOGS, 'p99.9_over_bare', 'p99.9 / bare', '<=', 1 / 15, '1/15'),
               (HOGS, 'p99_over_no_hogs', 'p99 / no hogs', '<=', 8, '8'),
               (HOGS, 'polls_over_bare', 'polls / bare', '>=', 0.95, '0.95'),
               (ENDLESS, 'p99_over_no_hogs', 'p99 / no hogs', '<=', 8, '8'))
    with_pulsed = {runtime.name for runtime in RUNTIMES if runtime.policy is not None}
    verdicts = []
    for found in comparisons(rows):
        for scenario, key, what, sign, bound, words in targets:
            value = found[key]
            if found['scenario'] != scenario or found['runtime'] not in with_pulsed or value is None:
                continue
            met = value <= bound if sign == '<=' else value >= bound
            name = f"{scenario}, {found['runtime']}: {what}"
            text = f"{name:<50} {_factor(value):>15}  {'met' if met else 'short'} (target: {sign} {words})"
            verdicts.append({'scenario': scenario, 'runtime': found['runtime'], 'what': what, 'value': value,
                             'target': f'{sign} {words}', 'met': met, 'text': text})
    return verdicts


def _factor(value: Optional[float]) -> str:
    if value is None:
        return '-'
    return f'{value:.4f} = 1/{1 / value:.1f}' if 0 < value < 0.5 else f'{value:.3f}'


def table(rows, absent) -> str:
    cells = {(entry['scenario'], entry['runtime']): _cells(entry, found)
             for entry, found in zip(medians(rows), comparisons(rows))}
    lines = [HEADINGS]
    for scenario in SCENARIOS:
        lines += [(), (scenario.name,)]
        for runtime in RUNTIMES:
            if runtime.program in absent:
                lines.append((f'  {runtime.name}', absent[runtime.program]))
            elif (scenario.name, runtime.name) in cells:
                lines.append((f'  {runtime.name}', *cells[scenario.name, runtime.name]))
    widths = [max(len(line[i]) for line in lines if len(line) == len(HEADINGS) or i == 0 and line)
              for i in range(len(HEADINGS))]
    return '\n'.join(_aligned(line, widths) for line in lines)


def _aligned(line, widths) -> str:
    if len(line) < len(HEADINGS):
        return '  '.join((line[0].ljust(widths[0]), *line[1:])).rstrip() if line else ''
    return '  '.join([line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])])


def _cells(entry, found) -> List[str]:
    cells = [f'{entry[name]:.2f}' for name in QUANTILES]
    if entry['unserved']:
        cells[-1] = '> ' + cells[-1]  # some had still not run
    cells.append('-' if entry['polls_per_s'] is None else f"{entry['polls_per_s']:.1f}")
    return cells + [_factor(found[key])
                    for key in ('p99_over_bare', 'p99.9_over_bare', 'polls_over_bare', 'p99_over_no_hogs')]
