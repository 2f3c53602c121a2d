"""What an examination has found; and the order in which a person reads it: the cause first, what comes of it behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

from procession.stack.hidden import hide_in_text

SEEN_MAX = 6


class Weight(IntEnum):
    """How a finding stands to what is wrong; the smaller, the further up."""

    CAUSE = 0  # looked at, and broken: what needs it cannot work
    SAID = 1  # the program itself gave this as its reason
    SYMPTOM = 2  # what came of it
    RISK = 3  # not the cause of anything now


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`what` is one line that says what is wrong with which thing; `fix` what to do, in the imperative; `seen` how we
    know. `about` tells two findings of one thing, which become one: "database", "port 8000".
    """

    weight: Weight
    about: str
    what: str
    fix: str = ""
    seen: tuple[str, ...] = ()


def arrange(found: Iterable[Finding]) -> list[Finding]:
    """One of each thing, by weight, and of one weight as they were found; what one saw, the other has seen, too."""
    kept: dict[str, Finding] = {}
    for finding in sorted(found, key=lambda finding: finding.weight):
        first = kept.setdefault(finding.about, finding)
        if first is not finding:
            said = (finding.what,) if finding.what != first.what else ()
            kept[finding.about] = replace(first, seen=_once((*first.seen, *said, *finding.seen)))
    return [_clean(finding) for finding in kept.values()]


def _once(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))


def _clean(finding: Finding) -> Finding:
    """Without passwords, and short enough to be read."""
    seen = tuple(hide_in_text(line) for line in finding.seen if line.strip())[:SEEN_MAX]
    return replace(finding, what=hide_in_text(finding.what), fix=hide_in_text(finding.fix), seen=seen)
