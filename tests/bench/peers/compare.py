#!/usr/bin/env python3
"""Runs the programs of the comparison in turns and reports. tests/bench/peers/run calls it after the build."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True  # nothing is left beside the sources
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / 'deploy/demo')]

from results import comparisons, judged, medians, summarised, table  # noqa: E402
from runs import RUNTIMES, SCENARIOS, Settings, run, schedule  # noqa: E402
from scenarios import machine  # noqa: E402
from scenarios.processes import ProcessFailed, child_options  # noqa: E402

STARTED = time.monotonic()
OVERHEAD_S = 0.5  # of a run: starting and stopping, and the grace for late requests
UNEVEN = 0.05     # two languages whose steps differ by more are not doing the same work
LATE_NS = 500_000


def say(text: str) -> None:
    print(f'[{time.monotonic() - STARTED:4.0f} s] {text}', flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--bin', type=Path, required=True, metavar='DIR', help='where the programs are')
    parser.add_argument('--repetitions', type=int, default=7, metavar='N', help='default: %(default)s')
    parser.add_argument('--report', type=Path, metavar='FILE', help='write everything as JSON, too')
    parser.add_argument('--absent', nargs=2, action='append', default=[], metavar=('PROGRAM', 'WHY'),
                        help='leave out the runtimes of pulsed-peers-PROGRAM, and say why')
    return parser.parse_args()


def steps_of(binaries: Path, program: str) -> int:
    """Of 20 ms, by that program's own measurement."""
    done = subprocess.run([str(binaries / f'pulsed-peers-{program}'), '--calibrate'], capture_output=True, text=True,
                          timeout=60, **child_options())
    if done.returncode != 0:
        raise ProcessFailed(f'pulsed-peers-{program} --calibrate failed: {done.stderr.strip()}')
    return int(done.stdout)


def calibrate(binaries: Path, programs, notes) -> int:
    """The steps of one poll, the same for all."""
    steps = {program: steps_of(binaries, program) for program in programs}
    for program in programs:
        apart = steps['asio'] / steps[program] - 1
        if abs(apart) > UNEVEN:
            notes.append(f'The work of a poll takes {100 * apart:+.0f} % in {program}, which moves its throughput.')
    milliseconds = ', '.join(f"{program} {20 * steps['asio'] / steps[program]:.1f}" for program in programs)
    say(f"a poll is {steps['asio']} steps; ms: {milliseconds}")
    return steps['asio']


def run_all(arguments, settings: Settings, absent, problems):
    rows = []
    runs = list(schedule(arguments.repetitions, absent))
    seconds = sum(scenario.warmup_s + scenario.seconds + OVERHEAD_S for _, scenario, _ in runs)
    say(f'{len(runs)} runs, about {seconds:.0f} s')
    for number, (repetition, scenario, runtime) in enumerate(runs, 1):
        name = f'{scenario.name}, {runtime.name}'
        try:
            outcome = run(scenario, runtime, repetition, settings)
        except ProcessFailed as failure:
            problems.append(f'{name}, repetition {repetition}: {failure}')
            say(f'{number}/{len(runs)} {name}: FAILED: {failure}')
            continue
        row = summarised(scenario, runtime, repetition, outcome)
        rows.append(row)
        say(f"{number}/{len(runs)} {name}: p50 {row['p50_ms']:.2f} ms, p99 {row['p99_ms']:.2f} ms"
            + (f", {row['polls_per_s']:.1f} polls/s" if scenario.polls else ''))
    return rows


def notes_on(rows):
    requests = [row['requests'] for row in rows]
    late = max(one['late_p99_ns'] for one in requests)
    if not all(one['realtime'] for one in requests):
        yield 'The generator was not allowed SCHED_FIFO (CAP_SYS_NICE), so more of each time is its own.'
    if late > LATE_NS:
        yield f'In its worst run the generator sent late by {late / 1e6:.1f} ms (p99).'


def print_report(rows, absent, verdicts, notes, problems) -> None:
    print(f'\nOn {machine.line(machine.describe())}. Light requests in ms; medians of {max(r["repetition"] for r in rows)} '
          'interleaved repetitions.\nRatios are medians of those within each repetition, `bare` is asio.\n')
    print(table(rows, absent))
    print()
    for verdict in verdicts:
        print(verdict['text'])
    for note in notes:
        print(note)
    for problem in problems:
        print(f'FAILED: {problem}')


def main() -> int:
    arguments = parse_arguments()
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _: sys.exit(128 + number))  # so that every child is ended on the way out
    absent = dict(arguments.absent)
    programs = [name for name in dict.fromkeys(runtime.program for runtime in RUNTIMES) if name not in absent]
    notes, problems = [], []
    if os.getloadavg()[0] > 0.5:
        notes.append(f'The machine did other work when this began (load {os.getloadavg()[0]:.1f}): figures are rough.')
    folder = Path(tempfile.mkdtemp(prefix='pulsed-peers-'))
    try:
        settings = Settings(arguments.bin, folder, calibrate(arguments.bin, programs, notes))
        rows = run_all(arguments, settings, absent, problems)
    except ProcessFailed as failure:
        print(f'error: {failure}', file=sys.stderr)
        return 1
    finally:
        if problems:
            print(f'Logs of the runs that failed are in {folder}.', file=sys.stderr)
        else:
            shutil.rmtree(folder)
    if not rows:
        print('error: no run succeeded', file=sys.stderr)
        return 1
    notes += notes_on(rows)
    verdicts = judged(rows)
    print_report(rows, absent, verdicts, notes, problems)
    if arguments.report:
        report = {'machine': machine.describe(), 'poll_steps': settings.poll_steps, 'absent': absent,
                  'scenarios': [scenario._asdict() for scenario in SCENARIOS], 'runs': medians(rows),
                  'ratios': comparisons(rows), 'targets': verdicts, 'repetitions': rows, 'notes': notes,
                  'problems': problems}
        arguments.report.write_text(json.dumps(report, indent=2) + '\n')
        print(f'Written to {arguments.report}.')
    return 1 if problems or 'does not build' in absent.values() else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
