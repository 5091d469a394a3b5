"""Which ratios are reported, and what they should be."""

from typing import Callable, List, NamedTuple, Optional

from .ratios import Ratio

UNLOADED = 'unloaded'


class Target(NamedTuple):
    text: str
    judge: Callable[[Ratio], Optional[bool]]  # None: too few repetitions to tell


def at_most(limit: float, text: str) -> Target:
    return Target(f'<= {text}', lambda ratio: ratio.median <= limit)


def at_least(limit: float) -> Target:
    return Target(f'>= {limit:.2f}', lambda ratio: ratio.median >= limit)


CONTAINS_1 = Target('interval contains 1', lambda ratio: None if ratio.low is None else ratio.contains(1.0))


class Figure(NamedTuple):
    what: str
    route: Optional[str]  # whose latency; None: heavy requests a second
    quantile: str = ''


P99 = Figure('p99 of /lookup', 'lookup', 'p99')
P999 = Figure('p99.9 of /lookup', 'lookup', 'p999')
PRICE_P99 = Figure('p99 of /price', 'price', 'p99')


def rate_of(heavy: str) -> Figure:
    return Figure(f'{heavy}s/s', None)


class Wanted(NamedTuple):
    """figure of (scenario, mode) over the same of (baseline or scenario, over)."""
    scenario: str
    figure: Figure
    mode: str
    target: Optional[Target] = None
    over: str = 'bare'
    baseline: Optional[str] = None  # another scenario
    aim: Optional[Target] = None    # beyond the target


def _with_checkpoints(scenario: str) -> List[Wanted]:
    return [
        Wanted(scenario, P99, 'enforce', at_most(1 / 10, '1/10')),
        Wanted(scenario, rate_of('report'), 'enforce', at_least(0.9)),
        Wanted(scenario, P99, 'shadow', CONTAINS_1),
        Wanted(scenario, rate_of('report'), 'shadow', CONTAINS_1),
    ]


WANTED = [
    # Beside no hog there is nothing for enforce to gain.
    Wanted(UNLOADED, P99, 'enforce'),
    Wanted(UNLOADED, P99, 'shadow', CONTAINS_1),
    *_with_checkpoints('checkpoints'),
    *_with_checkpoints('fresh_tasks'),
    Wanted('no_checkpoints', P99, 'enforce', at_most(1 / 40, '1/40')),
    Wanted('no_checkpoints', P999, 'enforce', at_most(1 / 15, '1/15')),
    Wanted('no_checkpoints', P99, 'enforce', at_most(8, '8'), 'enforce', UNLOADED, at_most(5, '5')),
    Wanted('no_checkpoints', rate_of('export'), 'enforce', at_least(0.95)),
    Wanted('no_checkpoints', P99, 'shadow', CONTAINS_1),
    Wanted('lock', PRICE_P99, 'enforce', at_most(2, '2')),
    Wanted('lock', P99, 'enforce'),
    Wanted('lock', P99, 'enforce', None, 'enforce', UNLOADED),
    Wanted('lock', rate_of('restock'), 'enforce'),
    Wanted('lock', P99, 'shadow', CONTAINS_1),
    Wanted('in_place', P99, 'enforce'),
    Wanted('in_place', P999, 'enforce'),
    Wanted('in_place', rate_of('export'), 'enforce'),
]
