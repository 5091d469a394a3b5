"""The few shapes that most expressions have."""

from typing import Sequence

from .board import OF_CLASS, OF_DAEMON, OF_ITS_CLASS, OF_ONE_SERVICE, OF_SERVICE

# Whose series an expression takes, by what the variables of the board say.
SCOPES = {'class': OF_CLASS, 'service': OF_SERVICE, 'its_class': OF_ITS_CLASS, 'one_service': OF_ONE_SERVICE, 'daemon': OF_DAEMON}


def rate(metric: str, scope: str, by: Sequence[str] = (), matchers: str = '') -> str:
    """Summed rate of a counter."""
    return f'sum{_by(by)}(rate({metric}{{{SCOPES[scope]}{matchers}}}[$__rate_interval]))'


def total(metric: str, scope: str, by: Sequence[str] = (), matchers: str = '') -> str:
    """Summed gauge."""
    return f'sum{_by(by)}({metric}{{{SCOPES[scope]}{matchers}}})'


def highest(metric: str, scope: str, by: Sequence[str] = (), matchers: str = '') -> str:
    return f'max{_by(by)}({metric}{{{SCOPES[scope]}{matchers}}})'


def quantile(q: float, histogram: str, scope: str, by: Sequence[str] = ()) -> str:
    return f'histogram_quantile({q}, {rate(histogram + "_bucket", scope, [*by, "le"])})'


def _by(labels: Sequence[str]) -> str:
    return f' by ({", ".join(labels)}) ' if labels else ''
