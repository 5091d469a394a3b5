"""The report as text."""

from typing import Any, Dict, List, Sequence

from .ratios import Ratio
from .summary import COUNTS, QUANTILES, Comparison

HEADINGS = ('scenario', 'mode', 'p50', 'p99', 'p99.9', 'max', 'reports/s', 'violations', 'yields', 'isolations',
            'drops', 'daemon CPU')


def table(entries: Sequence[Dict[str, Any]]) -> str:
    rows = [HEADINGS] + [_row(entry) for entry in entries]
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
    cells.append(f"{entry['reports_per_s']:.1f}" if entry['reports_per_s'] else '-')
    cells += ['-' if entry[name] is None else f'{entry[name]:.0f}' for name in COUNTS]
    cells.append('-' if entry['daemon_cpu_percent'] is None else f"{entry['daemon_cpu_percent']:.1f} %")
    return cells


def _milliseconds(value: float) -> str:
    return f'{value:.2f}' if value < 100 else f'{value:.0f}'


def run_line(row: Dict[str, Any]) -> str:
    reports = f", {row['reports_per_s']:.1f} reports/s" if row['reports_per_s'] else ''
    return f"/lookup p50 {_milliseconds(row['lookup_ms']['p50'])} ms, p99 {_milliseconds(row['lookup_ms']['p99'])} ms{reports}"


def comparisons(found: Sequence[Comparison]) -> str:
    lines = []
    for one in found:
        judged = {True: 'met', False: 'short', None: 'not judged'}[one.met]
        verdict = f'  {judged} (target: {one.target})' if one.target else ''
        name = f'{one.scenario}: {one.what}, {one.mode} / bare'
        lines.append(f'{name:<48} {_ratio(one.ratio)}{verdict}')
    return '\n'.join(lines)


def _ratio(ratio: "Ratio | None") -> str:
    if ratio is None:
        return 'unknown'
    inverse = f' = 1/{1 / ratio.value:.1f}' if ratio.value < 0.5 else ''
    interval = 'one repetition, no interval' if ratio.low is None else f'95 %: {ratio.low:.3g} to {ratio.high:.3g}'
    return f'{ratio.value:.3f}{inverse}  ({interval})'


def load_line(rows: Sequence[Dict[str, Any]]) -> str:
    late = [row['load']['lateness_ms'] for row in rows]
    priorities = {row['load']['priority'] for row in rows}
    text = (f"The load generator sent late by p99 {max(one['p99'] for one in late):.2f} ms, "
            f"at most {max(one['max'] for one in late):.2f} ms, in its worst run; "
            f"it used up to {max(row['load']['cpu_percent'] for row in rows):.0f} % of a core.")
    if priorities != {'SCHED_FIFO'}:
        text += f" It ran at {', '.join(sorted(priorities))}, not being allowed SCHED_FIFO, so more of it is its own."
    return text
