"""What Python's `-X importtime` says, summed up by package: which of them a site waits for while it loads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LINE = re.compile(r"^import time:\s*(?P<self>\d+)\s*\|\s*\d+\s*\|\s*(?P<module>[\w.]+)\s*$")
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Package:
    """`seconds` is the time that its own modules took to run, without what they imported of other packages."""

    name: str
    seconds: float
    modules: int


def packages(lines: Iterable[str]) -> list[Package]:
    """The slowest first."""
    seconds: dict[str, float] = {}
    modules: dict[str, int] = {}
    for line in lines:
        found = LINE.match(line)
        if found:
            name = found["module"].partition(".")[0]
            seconds[name] = seconds.get(name, 0.0) + int(found["self"]) / MICROSECONDS
            modules[name] = modules.get(name, 0) + 1
    found_packages = [Package(name, taken, modules[name]) for name, taken in seconds.items()]
    return sorted(found_packages, key=lambda package: -package.seconds)
