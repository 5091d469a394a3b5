"""Reads the Prometheus text format, as far as /metrics of pulsed uses it."""

import re
from typing import Dict, List, NamedTuple, Optional, Tuple

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?\s*')
ESCAPES = {'\\\\': '\\', '\\"': '"', '\\n': '\n'}


class Sample(NamedTuple):
    name: str
    labels: Dict[str, str]
    value: float


def parse(text: str) -> "Metrics":
    """Raises ValueError, naming the line, for what is no sample."""
    samples = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith('#'):
            continue
        match = SAMPLE.match(line)
        if not match:
            raise ValueError(f'/metrics line {number} is no sample: {line}')
        labels = {name: re.sub(r'\\.', lambda m: ESCAPES.get(m.group(0), m.group(0)), value)
                  for name, value in LABEL.findall(match.group(2) or '')}
        samples.append(Sample(match.group(1), labels, float(match.group(3))))
    return Metrics(samples)


class Metrics:
    def __init__(self, samples: List[Sample]):
        self._samples = samples

    def matching(self, name: str, **labels: str) -> List[Sample]:
        """All samples of that name that have these labels. `cls` stands for the label `class`."""
        wanted = {('class' if key == 'cls' else key): value for key, value in labels.items()}
        return [s for s in self._samples
                if s.name == name and all(s.labels.get(k) == v for k, v in wanted.items())]

    def total(self, name: str, **labels: str) -> float:
        """The sum of them; 0 if there are none."""
        return sum(s.value for s in self.matching(name, **labels))

    def buckets(self, name: str, **labels: str) -> List[Tuple[float, float]]:
        """(upper bound, cumulative count) of a histogram, summed over the series that match."""
        counts: Dict[float, float] = {}
        for sample in self.matching(name + '_bucket', **labels):
            bound = float(sample.labels['le'])
            counts[bound] = counts.get(bound, 0.0) + sample.value
        return sorted(counts.items())

    def quantile_bucket(self, name: str, quantile: float, **labels: str) -> Optional[Tuple[float, float]]:
        """(lower, upper] bounds of the bucket that holds the quantile; None without observations."""
        buckets = self.buckets(name, **labels)
        if not buckets or buckets[-1][1] == 0:
            return None
        lower = 0.0
        for bound, count in buckets:
            if count >= quantile * buckets[-1][1]:
                return lower, bound
            lower = bound
        return None

    def count_above(self, name: str, bound: float, **labels: str) -> Optional[float]:
        """Observations above the greatest bucket bound that is at most `bound`; None if there is no such bucket."""
        buckets = self.buckets(name, **labels)
        below = [count for upper, count in buckets if upper <= bound]
        return buckets[-1][1] - below[-1] if below else None
