"""What `pulsectl --help` shows, of every command."""

import re
import subprocess
from dataclasses import dataclass, field

from ctl_case import BIN, PATIENCE_S, environment


@dataclass
class Help:
    options: list = field(default_factory=list)  # "-o", "--output"
    commands: list = field(default_factory=list)


def help_of(program, path=()):
    text = subprocess.run([BIN / program, *path, '--help'], check=True, capture_output=True, text=True, env=environment(),
                          timeout=PATIENCE_S).stdout
    found, section = Help(), ''
    for line in text.splitlines():
        if re.match(r'\w+:$', line):
            section = line[:-1]
        elif not line:
            section = ''
        elif section == 'Options' and re.match('  -', line):
            found.options += line.split()[0].split(',')
        elif section == 'Subcommands' and re.match(r'  \w', line):
            found.commands.append(line.split()[0])
    return found


def all_help():
    """By path: () is pulsectl itself, ('policy', 'set')."""
    tree, open_paths = {}, [()]
    while open_paths:
        path = open_paths.pop(0)
        tree[path] = help_of('pulsectl', path)
        open_paths += [(*path, command) for command in tree[path].commands]
    return tree


def long_options(options):
    return {name for name in options if name.startswith('--')}
