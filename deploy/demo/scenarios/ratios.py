"""Ratios between modes, with intervals.

Runs are paired: the modes of one repetition run one after the other, with the same schedule of requests. Of the ratios of
all pairs the median is reported, which one disturbed run does not move, and the geometric mean with its interval: Student's
t over the logarithms, for a ratio and its inverse must be equally certain.
"""

import math
import statistics
from typing import NamedTuple, Optional, Sequence

# Two-sided 95 % quantiles of Student's t by degrees of freedom, 1 to 30.
T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
         2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
         2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)


class Ratio(NamedTuple):
    median: float
    mean: float  # geometric
    low: Optional[float]  # None: fewer than two pairs, so nothing is known of it
    high: Optional[float]

    def contains(self, value: float) -> bool:
        return self.low is not None and self.low <= value <= self.high


def t_quantile(degrees: int) -> float:
    """The 97.5 % quantile; beyond the table the last entry, which is a little too wide and never too narrow."""
    return T_975[min(degrees, len(T_975)) - 1]


def paired_ratio(values: Sequence[float], baselines: Sequence[float]) -> Optional[Ratio]:
    """values[i] / baselines[i]; None if there are no pairs or one is not positive."""
    if len(values) != len(baselines):
        raise ValueError("values and baselines must be pairs")
    if not values or min(*values, *baselines) <= 0:
        return None
    logs = [math.log(value / baseline) for value, baseline in zip(values, baselines)]
    median, mean = math.exp(statistics.median(logs)), statistics.fmean(logs)
    if len(logs) < 2:
        return Ratio(median, math.exp(mean), None, None)
    half = t_quantile(len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return Ratio(median, math.exp(mean), math.exp(mean - half), math.exp(mean + half))
