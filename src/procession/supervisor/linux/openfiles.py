"""How many files may be open: for ourselves as many as we may have, for instances what we were started with.

A supervisor needs some for every instance. A program that was made for 1024 may fail with more: select(2) can wait for
none above that.
"""

from __future__ import annotations

from resource import RLIMIT_NOFILE, getrlimit, setrlimit

_soft = getrlimit(RLIMIT_NOFILE)[0]


def raise_own(given: int) -> int:
    """Take as many as the hard limit allows; what instances get: `given`, or if that is 0 what we had until now."""
    global _soft
    soft, hard = getrlimit(RLIMIT_NOFILE)
    _soft = given or soft
    try:
        setrlimit(RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        pass  # more than the kernel allows now (fs.nr_open): what we have has to do
    return _soft


def given() -> int:
    """What instances get."""
    return _soft


def give_back() -> None:
    """In a child: what it gets where nothing is declared. Raises OSError, ValueError."""
    hard = getrlimit(RLIMIT_NOFILE)[1]
    setrlimit(RLIMIT_NOFILE, (min(_soft, hard), hard))
