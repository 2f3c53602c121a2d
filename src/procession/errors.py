"""What went wrong, as values: a Problem is something a person wrote; a Refusal is something the world did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """The documented exit codes of every verb."""

    DONE = 0
    NOT_SO = 1  # unhealthy, problems found, a roll that stopped
    USAGE = 2
    NO_SUPERVISOR = 3
    REFUSED = 4  # by the system: permission, disk, address in use
    TIMED_OUT = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in what a person wrote. All of them are listed at once, never raised one by one.

    `id` is stable ("E014"; warnings begin with "W"); `where` is the dotted place (`web.readiness.path`); `origin` is
    the settings key or file and line that it was read from; `fix` says what to do, in the imperative.
    """

    id: str
    where: str
    what: str
    origin: str = ""
    fix: str = ""

    @property
    def is_error(self) -> bool:
        return self.id.startswith("E")

    def lines(self) -> list[str]:
        """What a person reads: what is wrong where; then where it was written, and what to do."""
        head = f"{self.where}: {self.what}"
        rest = " · ".join(part for part in (self.origin and f"from {self.origin}", self.fix) if part)
        return [f"{head:<72} [procession.{self.id}]", *([f"    {rest}"] if rest else [])]


class Refusal(Exception):
    """The system refused what we tried: says what was tried on which thing, why it failed, and what to do."""

    def __init__(self, what: str, fix: str = "", *, code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.code = code
