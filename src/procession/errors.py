"""What a person wrote wrong, as values; what the world refuses is `refusal`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in what a person wrote. All of them are listed at once, never raised one by one.

    `id` is stable ("E014"; warnings begin with "W"); `where` is the dotted place (`web.readiness.path`); `origin` is
    the settings key or file and line that it was read from; `fix` says what to do, in the imperative; `detail` are
    further lines, such as the frames of a traceback.
    """

    id: str
    where: str
    what: str
    origin: str = ""
    fix: str = ""
    detail: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.id.startswith("E")

    def lines(self) -> list[str]:
        """What a person reads: what is wrong where; then where it was written, and what to do; then the detail."""
        head = f"{self.where}: {self.what}"
        rest = " · ".join(part for part in (self.origin and f"from {self.origin}", self.fix) if part)
        below = [*([rest] if rest else []), *self.detail]
        return [f"{head:<72} [procession.{self.id}]", *(f"    {line}" for line in below)]
