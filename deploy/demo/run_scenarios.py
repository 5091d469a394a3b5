#!/usr/bin/env python3
"""Runs pulsed-demo under load bare, in shadow and under enforce, and reports. deploy/quickstart calls it after the
build; by itself it needs the binaries and nothing but Python's standard library."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True  # nothing is left beside the sources
sys.path.insert(0, str(Path(__file__).resolve().parent))

from scenarios import agreement, machine, printing, summary  # noqa: E402
from scenarios.processes import ProcessFailed  # noqa: E402
from scenarios.run import MODES, SCENARIOS, Settings, calibrate_report_steps, measured_seconds, run  # noqa: E402

STARTED = time.monotonic()
OVERHEAD_S = 0.45  # starting and stopping what a run needs


def say(text: str) -> None:
    print(f'[{time.monotonic() - STARTED:4.0f} s] {text}', flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--bin', type=Path, default=Path('build/bin'), metavar='DIR',
                        help='where pulsed, pulsed-demo and pulsed-load are (default: %(default)s)')
    parser.add_argument('--repetitions', type=int, default=7, metavar='N', help='default: %(default)s')
    parser.add_argument('--seconds', type=float, default=2.4, metavar='S',
                        help='measured in each run of no_checkpoints and lock, 0.6 of it in checkpoints and '
                             'fresh_tasks, half of it in unloaded (default: %(default)s)')
    parser.add_argument('--warmup', type=float, default=0.5, metavar='S', help='before that (default: %(default)s)')
    parser.add_argument('--light-rate', type=float, default=1000, metavar='N',
                        help='light requests a second (default: %(default)s)')
    parser.add_argument('--report', type=Path, metavar='FILE', help='write everything as JSON, too')
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument('--scenarios', nargs='+', choices=names, metavar='NAME',
                        default=[scenario.name for scenario in SCENARIOS if scenario.by_default],
                        help=f"of {', '.join(names)} (default: %(default)s)")
    parser.add_argument('--modes', nargs='+', choices=MODES, metavar='MODE',
                        help=f"of {', '.join(MODES)} (default: all, and no shadow from no_checkpoints on)")
    arguments = parser.parse_args()
    if arguments.repetitions < 1 or arguments.seconds <= 0 or arguments.warmup < 0 or arguments.light_rate <= 0:
        parser.error('--repetitions, --seconds and --light-rate must be above 0, and --warmup not below')
    needed = ['pulsed-demo', 'pulsed-load'] + (['pulsed'] if arguments.modes != ['bare'] else [])
    missing = [name for name in needed if not (arguments.bin / name).is_file()]
    if missing:
        parser.error(f"{arguments.bin} lacks {', '.join(missing)}; build first: cmake --build --preset release")
    return arguments


def schedule(arguments: argparse.Namespace):
    """All runs: scenarios and modes interleaved, the modes in another order each time, so that what drifts on the machine
    meets all of them alike."""
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in arguments.scenarios]
    for repetition in range(1, arguments.repetitions + 1):
        for scenario in scenarios:
            modes = [mode for mode in MODES if mode in (arguments.modes or scenario.modes)]
            shift = repetition % len(modes)
            for mode in modes[shift:] + modes[:shift]:
                yield repetition, scenario, mode


def run_all(arguments: argparse.Namespace, settings: Settings, problems):
    """The rows of the runs that succeeded; what went wrong is appended to `problems`."""
    rows = []
    runs = list(schedule(arguments))
    seconds = sum(measured_seconds(s, settings) + settings.warmup_seconds + OVERHEAD_S for _, s, _ in runs)
    say(f'{len(runs)} runs, about {seconds:.0f} s; one report is {settings.report_steps} steps in all of them')
    for number, (repetition, scenario, mode) in enumerate(runs, 1):
        name = f'{scenario.name} {mode}'
        try:
            outcome = run(scenario, mode, repetition, settings)
        except ProcessFailed as failure:
            problems.append(f'{name}, repetition {repetition}: {failure}')
            say(f'{number}/{len(runs)} {name}: FAILED: {failure}')
            continue
        row = summary.raw(outcome, repetition)
        rows.append(row)
        say(f'{number}/{len(runs)} {name}: {printing.run_line(row)}')
        for disagreement in agreement.disagreements(outcome):
            problems.append(f'{name}, repetition {repetition}: {disagreement}')
            say(f'  does not fit: {disagreement}')
    return rows


def print_report(entries, comparisons, rows, problems, where: str) -> None:
    print(f'\nOn {where}. /lookup in ms, from the moment it was meant to be sent; medians over the repetitions.')
    print('In parentheses: what would have been done; shadow does nothing of it.\n')
    print(printing.table(entries))
    if comparisons:
        print('\nRatios of runs of the same repetition, medians over the repetitions:\n')
        print(printing.comparisons(comparisons))
    print('\n' + printing.samples_line(entries))
    print(printing.light_polls_line(rows))
    print(printing.load_line(rows))
    if problems:
        print(f'\n{len(problems)} problems:')
        for problem in problems:
            print(f'  {problem}')
    elif any(row['mode'] != 'bare' for row in rows):
        print('The numbers of the daemon, of the service and of the load generator agree in every run.')


def write_report(path: Path, arguments, settings, described, entries, comparisons, rows, problems) -> None:
    report = {
        'machine': described,
        'settings': {'repetitions': arguments.repetitions, 'seconds': arguments.seconds, 'warmup': arguments.warmup,
                     'light_rate': arguments.light_rate, 'report_steps': settings.report_steps},
        'runs': entries,
        'ratios': [one.as_json() for one in comparisons],
        'repetitions': rows,
        'problems': problems,
    }
    path.write_text(json.dumps(report, indent=2) + '\n')
    print(f'Written to {path}.')


def main() -> int:
    arguments = parse_arguments()
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _: sys.exit(128 + number))  # so that every child is ended on the way out
    folder = Path(tempfile.mkdtemp(prefix='pulsed-quickstart-'))
    problems = []
    try:
        steps, report_ms = calibrate_report_steps(arguments.bin)
        say(f'one /report is {report_ms:.1f} ms of CPU time on this machine')
        settings = Settings(arguments.bin, folder, steps, arguments.light_rate, arguments.seconds, arguments.warmup)
        rows = run_all(arguments, settings, problems)
    except ProcessFailed as failure:
        print(f'error: {failure}', file=sys.stderr)
        return 1
    finally:
        if problems and any(folder.iterdir()):
            print(f'Logs of the runs that failed are in {folder}.', file=sys.stderr)
        else:
            shutil.rmtree(folder)
    if not rows:
        print('error: no run succeeded', file=sys.stderr)
        return 1
    described = machine.describe()
    entries = summary.medians(rows)
    comparisons = summary.compare(rows)
    print_report(entries, comparisons, rows, problems, machine.line(described))
    if arguments.report:
        write_report(arguments.report, arguments, settings, described, entries, comparisons, rows, problems)
    return 1 if problems else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
