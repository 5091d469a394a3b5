"""The report as text."""

from typing import Any, Dict, List, Optional, Sequence

from .ratios import Ratio
from .summary import COUNTS, QUANTILES, Comparison, heavy_rate
from .targets import Target

HEADINGS = ('scenario', 'mode', 'p50', 'p99', 'p99.9', 'max', 'heavy/s', 'violations', 'yields', 'isolations', 'spares',
            'demotions', 'drops', 'daemon CPU')


def table(entries: Sequence[Dict[str, Any]]) -> str:
    rows = [HEADINGS]
    for scenario in dict.fromkeys(entry['scenario'] for entry in entries):
        mine = [entry for entry in entries if entry['scenario'] == scenario]
        rows += [_row(entry) for entry in mine]
        rows += [_price_row(entry) for entry in mine if entry['price_ms']]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    lines = []
    for row in rows:
        if lines and row[0] != previous:
            lines.append('')
        previous = row[0]
        texts = [cell.ljust(width) if i < 2 else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        lines.append('  '.join(texts).rstrip())
    return '\n'.join(lines)


def _row(entry: Dict[str, Any]) -> List[str]:
    cells = [entry['scenario'], entry['mode']]
    cells += [_milliseconds(entry['lookup_ms'][q]) for q in QUANTILES]
    cells.append(f'{heavy_rate(entry):.1f}' if heavy_rate(entry) else '-')
    cells += [_count(entry, name) for name in COUNTS]
    cells.append('-' if entry['daemon_cpu_percent'] is None else f"{entry['daemon_cpu_percent']:.1f} %")
    return cells


def _count(entry: Dict[str, Any], name: str) -> str:
    if entry['would_be'] and name in entry['would_be']:
        return f"({entry['would_be'][name]:.0f})"
    return '-' if entry[name] is None else f'{entry[name]:.0f}'


def _price_row(entry: Dict[str, Any]) -> List[str]:
    cells = [f"{entry['scenario']}: /price", entry['mode']]
    cells += [_milliseconds(entry['price_ms'][q]) for q in QUANTILES]
    return cells + [''] * (len(HEADINGS) - len(cells))


def _milliseconds(value: float) -> str:
    return f'{value:.2f}' if value < 100 else f'{value:.0f}'


def run_line(row: Dict[str, Any]) -> str:
    parts = [f"/{route} p50 {_milliseconds(row[key]['p50'])} ms, p99 {_milliseconds(row[key]['p99'])} ms"
             for route, key in (('lookup', 'lookup_ms'), ('price', 'price_ms')) if row[key]]
    if heavy_rate(row):
        parts.append(f"{heavy_rate(row):.1f} {row['heavy']}s/s")
    return ', '.join(parts)


def comparisons(found: Sequence[Comparison]) -> str:
    rows = []
    for one in found:
        wanted = one.wanted
        over = wanted.over if wanted.baseline is None else f'{wanted.baseline} {wanted.over}'
        rows.append((f'{wanted.scenario}: {wanted.figure.what}, {wanted.mode} / {over}', _ratio(one.ratio),
                     _verdict(one.met, wanted.target, one.aim_met, wanted.aim)))
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return '\n'.join(f'{name:<{widths[0]}}  {ratio:<{widths[1]}}  {verdict}'.rstrip() for name, ratio, verdict in rows)


def _verdict(met: Optional[bool], target: Optional[Target], aim_met: Optional[bool], aim: Optional[Target]) -> str:
    if target is None:
        return ''
    judged = {True: 'met', False: 'short', None: 'not judged'}
    beyond = f'; aim: {aim.text}, {judged[aim_met]}' if aim else ''
    return f'{judged[met]} (target: {target.text}{beyond})'


def _ratio(ratio: Optional[Ratio]) -> str:
    if ratio is None:
        return 'unknown'
    inverse = f' = 1/{1 / ratio.median:.1f}' if ratio.median < 0.5 else ''
    interval = 'one repetition' if ratio.low is None else f'mean 95 %: {ratio.low:.3g} to {ratio.high:.3g}'
    return f'{ratio.median:.3f}{inverse}  ({interval})'


def samples_line(entries: Sequence[Dict[str, Any]]) -> str:
    """How many requests the quantiles rest on."""
    least: Dict[str, int] = {}
    for entry in entries:
        for route, key in (('/lookup', 'lookup_ms'), ('/price', 'price_ms')):
            if entry[key]:
                name = f"{entry['scenario']} {route}"
                least[name] = int(min(entry[key]['count'], least.get(name, entry[key]['count'])))
    counts = ', '.join(f'{name} {count}' for name, count in least.items())
    return f'Requests in each run (p99.9 rests on the slowest thousandth of them): {counts}.'


def light_polls_line(rows: Sequence[Dict[str, Any]]) -> str:
    lowered = sum(row['served']['demoted_light_polls'] for row in rows)
    light = sum(row['served']['lookups'] + row['served']['prices'] for row in rows)
    return f'Light polls that ran on a demoted thread, by the service\'s own count: {lowered} of {light}.'


def load_line(rows: Sequence[Dict[str, Any]]) -> str:
    late = [row['load']['lateness_ms'] for row in rows]
    priorities = {row['load']['priority'] for row in rows}
    text = (f"The load generator sent late by p99 {max(one['p99'] for one in late):.2f} ms, "
            f"at most {max(one['max'] for one in late):.2f} ms, in its worst run; "
            f"it used up to {max(row['load']['cpu_percent'] for row in rows):.0f} % of a core.")
    if priorities != {'SCHED_FIFO'}:
        text += f" It ran at {', '.join(sorted(priorities))}, not being allowed SCHED_FIFO, so more of it is its own."
    return text
