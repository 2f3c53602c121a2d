"""How a verb ends: the documented exit codes, and Refusal, which is what the world did to us.

Beside `errors`, not in it, so that `procession status` need not import `dataclasses` (10 ms of its 40).
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The documented exit codes of every verb."""

    DONE = 0
    NOT_SO = 1  # unhealthy, problems found, a roll that stopped
    USAGE = 2
    NO_SUPERVISOR = 3
    REFUSED = 4  # by the system: permission, disk, address in use
    TIMED_OUT = 5


class Refusal(Exception):
    """The system refused what we tried: says what was tried on which thing, why it failed, and what to do."""

    def __init__(self, what: str, fix: str = "", *, code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.code = code
