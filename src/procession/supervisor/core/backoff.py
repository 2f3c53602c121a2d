"""How long to wait before the next start."""

from __future__ import annotations

from zlib import crc32

from procession.stack.model import Backoff

JITTER = 0.1  # so much is added at most, so that instances that died together do not start together


def delay_seconds(deaths: int, policy: Backoff) -> float:
    """Seconds to wait before the next start, after `deaths` early deaths in a row.

    Doubles from `policy.first_seconds`, never above `policy.longest_seconds`; 0 deaths: 0.0. Without jitter, so that
    tests stay exact.
    """
    if deaths <= 0:
        return 0.0
    doublings = min(deaths - 1, 64)  # past that, a float would overflow long after the cap has held
    return min(policy.first_seconds * 2.0**doublings, policy.longest_seconds)


def jitter(name: str, life: int) -> float:
    """A factor from 1 to 1 + JITTER: spread evenly over instances and lives, and the same each time it is asked."""
    return 1 + JITTER * (crc32(f"{name} {life}".encode()) / 2**32)
