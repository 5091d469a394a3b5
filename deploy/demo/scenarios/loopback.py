"""GET over loopback."""

import urllib.error
import urllib.request
from typing import Optional


def get(url: str) -> Optional[str]:
    """The body, or None if there was no such answer."""
    try:
        # No proxy is to see, or be asked for, what goes over loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=5) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, OSError):
        return None
