#!/usr/bin/env python3
"""Draws each series of a report of pulsed-bench, a cost against a size, as an SVG of its own. Needs gnuplot."""

import argparse
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

# The background is left out, so that a plot fits light pages and dark ones: both colours are as far from white as from black.
GREY = '#808080'
ORANGE = '#d9661f'
Row = Tuple[float, float, float, float]  # size, value, and the ends of its error bar


def quoted(text: str) -> str:
    """A gnuplot string in which nothing has a meaning of its own."""
    return "'" + ' '.join(text.split()).replace("'", "''") + "'"


def number(value: float) -> str:
    """As an axis has it: 64, 4096, 0.5, 100 k, 1 M."""
    for factor, suffix in ((1e9, ' G'), (1e6, ' M'), (1e3, ' k')):
        if value >= max(factor, 10_000) and value % (factor / 100) == 0:
            return f'{value / factor:g}{suffix}'
    return f'{value:g}'


def growth(rows: Sequence[Row]) -> Optional[float]:
    """The power of the size that the value grows with: least squares over the logarithms of both."""
    if len({row[0] for row in rows}) < 2 or min(min(row[:2]) for row in rows) <= 0:
        return None
    x, y = [math.log(row[0]) for row in rows], [math.log(row[1]) for row in rows]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / sum((a - mean_x) ** 2 for a in x)


def rows_of(points: Sequence[Dict[str, float]]) -> List[Row]:
    rows = []
    for point in sorted(points, key=lambda each: each['size']):
        size, value, spread = float(point['size']), float(point['value']), float(point['spread'])
        # A logarithmic axis has no zero, which a bar may reach.
        low = max(value - spread, 0.1 * value) if value > 0 else value - spread
        rows.append((size, value, low, value + spread))
    return rows


def ticks(low: float, high: float) -> List[float]:
    """1, 2 and 5 of each power of ten; the powers alone where there are more than three."""
    digits = (1, 2, 5) if high / low <= 1000 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [float(f'{digit}e{power}') for power in powers for digit in digits]
    return [tick for tick in found if low <= tick <= high]


def axis(name: str, label: str, at: Optional[Sequence[float]], low: float, high: float) -> List[str]:
    """Logarithmic where all is above zero, with ticks `at` these places, or at round ones."""
    lines = [f"set {name}label {quoted(label)} textcolor rgb '{GREY}'"]
    if low <= 0:
        return lines
    places = ', '.join(f'{quoted(number(tick))} {tick!r}' for tick in (ticks(low, high) if at is None else at))
    return lines + [f'set logscale {name}', f'set {name}range [{low!r}:{high!r}]', f'set {name}tics ({places})']


def script(series: Dict[str, Any], file: Path) -> str:
    """What gnuplot is told."""
    rows, title = rows_of(series['points']), quoted(series['title'])
    sizes = sorted({row[0] for row in rows})
    low, high = min(row[2] for row in rows), max(row[3] for row in rows)
    # Over a factor of ten at least, or what merely jitters would look like a slope.
    margin = max(1.25, math.sqrt(10 * low / high)) if low > 0 else 1
    power = growth(rows)
    if power is not None:
        title += f""" . "\\n" . 'grows with the power {power:.2f} of the size'"""
    drawn = f"linewidth 1.5 linecolor rgb '{ORANGE}'"
    return '\n'.join([
        'set encoding utf8',
        "set terminal svg size 720,400 dynamic noenhanced font 'sans-serif,14'",
        f'set output {quoted(str(file))}',
        'unset key',
        f"set title {title} textcolor rgb '{GREY}'",
        f"set border 3 linecolor rgb '{GREY}'",
        f"set tics nomirror textcolor rgb '{GREY}'",
        f"set grid ytics linetype 1 linewidth 0.5 linecolor rgb '#b0{GREY[1:]}'",
        *axis('x', series['size_unit'], sizes, sizes[0] / 1.3, sizes[-1] * 1.3),
        *axis('y', series['unit'], None, low / margin, high * margin),
        '$points << END',
        *(' '.join(repr(value) for value in row) for row in rows),
        'END',
        # Bars as vectors, since gnuplot puts a white rim around the points of its own error bars.
        f'plot $points using 1:3:(0):($4 - $3) with vectors heads size graph 0.006,90 {drawn}, '
        f'$points using 1:2 with lines {drawn}, $points using 1:2 with points pointtype 7 pointsize 0.6 {drawn}',
    ]) + '\n'


def draw(series: Dict[str, Any], folder: Path) -> Path:
    if not re.fullmatch(r'[a-z0-9]+(-[a-z0-9]+)*', series['name']):
        raise ValueError(f"a series cannot be called {series['name']!r}: lower case, digits and hyphens only")
    file = folder / f"{series['name']}.svg"
    subprocess.run(['gnuplot', '-'], input=script(series, file), text=True, check=True, timeout=30)
    return file


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('report', type=Path, help='what pulsed-bench --report wrote')
    parser.add_argument('folder', type=Path, help='where the plots go')
    arguments = parser.parse_args()
    report = json.loads(arguments.report.read_text())
    drawn = [series for series in report['series'] if series['points']]
    if not drawn:
        print('No series in the report, so no plots.')
        return 0
    try:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for series in drawn:
            print(draw(series, arguments.folder))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
