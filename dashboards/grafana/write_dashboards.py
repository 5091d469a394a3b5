#!/usr/bin/env python3
"""Writes the dashboards that stand beside this file. With --check, says which of them are not what it would write."""

import json
import sys
from pathlib import Path

from source.daemon import daemon
from source.overview import overview
from source.service import service

HERE = Path(__file__).resolve().parent


def texts():
    boards = (overview(), service(), daemon())
    return {HERE / f'{board["uid"]}.json': json.dumps(board, indent=2, ensure_ascii=False) + '\n' for board in boards}


def main(arguments) -> int:
    if arguments not in ([], ['--check']):
        print(f'usage: {sys.argv[0]} [--check]', file=sys.stderr)
        return 2
    stale = 0
    for path, text in texts().items():
        if path.exists() and path.read_text() == text:
            continue
        if arguments:
            stale += 1
            print(f'{path.name} is not what write_dashboards.py writes: run it, and look at the difference', file=sys.stderr)
        else:
            path.write_text(text)
    return 1 if stale else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
