"""Which machine the figures are from."""

import os
import platform
from typing import Any, Dict


def describe() -> Dict[str, Any]:
    return {
        'cpu': _field('/proc/cpuinfo', 'model name', ':') or platform.machine(),
        'cores': len(os.sched_getaffinity(0)),
        'memory_gib': round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30, 1),
        'hypervisor': ' hypervisor' in (_field('/proc/cpuinfo', 'flags', ':') or ''),
        'kernel': platform.release(),
        'os': (_field('/etc/os-release', 'PRETTY_NAME', '=') or platform.system()).strip('"'),
    }


def line(machine: Dict[str, Any]) -> str:
    kind = 'virtual machine' if machine['hypervisor'] else 'machine'
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {kind}, "
            f"{machine['os']}, Linux {machine['kernel']}")


def _field(path: str, name: str, separator: str) -> str:
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            for text in file:
                key, found, value = text.partition(separator)
                if found and key.strip() == name:
                    return value.strip()
    except OSError:
        pass
    return ''
