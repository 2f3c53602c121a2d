"""Who has the lease: decided from what a store answers, and from nobody's clock but our own.

A store does two things: it reads the text under a name, and it exchanges it for another one if it still is what we
say (compare-and-set). No time is written into it. Who wants the lease takes it when the text says that it was given
back, or when it has watched the same text for a whole `ttl_seconds` by its own monotonic clock; the holder renews it by
exchanging it, and holds it until `ttl_seconds - margin_seconds` after it *sent* its last good renewal. The watcher
read the text after it was written, and that was after it was sent: so the holder's time is over first, however wrong
any wall clock is, and a store that was emptied, or set back to an older text, has changed, and is watched anew.

Pure: time comes in. Calls go out one at a time: `ask`, and when it is answered, `hear`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from procession.lease.record import Record, read

NOBODY_KNOWN = "?"  # the holder, in a text that a watcher puts where there is none: what is not there cannot be watched


class Standing(StrEnum):
    WATCHING = "watching"  # another has it, or may have it
    TAKING = "taking"  # we have asked for it
    HOLDING = "holding"
    LOST = "lost"  # we had it; what we ran must be gone before our time is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`patience_seconds`: how long nothing under the name is watched; 0 where the store cannot have forgotten."""

    ttl_seconds: float = 8.0
    margin_seconds: float = 1.0
    renew_seconds: float = 2.0
    poll_seconds: float = 0.3
    patience_seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask of the store: the text, or, with `new`, to put `new` in the place of `old` (None: of nothing)."""

    old: str | None = None
    new: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The text that is there now, after an exchange too: `new` if it was made; None: there is none."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The store cannot be asked, or did not answer in time; an exchange may have been made all the same."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """`seen` since `seen_at` is the text that we watch. `mine` is what we hold it by, `until` when that is over."""

    me: Record  # of token 0: our name and our nonce
    terms: Terms
    standing: Standing = Standing.WATCHING
    has_seen: bool = False
    seen: str | None = None
    seen_at: float = 0.0
    newest: int = 0  # the highest token that we ever saw
    mine: Record | None = None
    until: float = 0.0
    tried: int = 0  # the `count` of our last try: each has its own, so that an answer can be to no earlier one
    stored: str | None = None  # while we hold it: what we believe the store to have
    ask_at: float = 0.0
    trouble: str = ""

    @property
    def token(self) -> int:
        return self.mine.token if self.mine else 0

    def says(self) -> str:
        """Why it is not ours, for a person."""
        if self.trouble:
            return self.trouble
        record = read(self.seen) if self.seen else None
        if record is None or record.holder in ("", NOBODY_KNOWN):
            return "nobody is known to hold the lease; watches it to be sure"
        return f"{record.holder} holds the lease"


def ask(contest: Contest, now: float, wall_seconds: float) -> tuple[Contest, Call | None]:
    """What to ask the store now; None: nothing before `contest.ask_at`.

    `wall_seconds` (since 1970) keeps tokens growing over a store that has forgotten the last one.
    """
    if now < contest.ask_at or contest.standing is Standing.LOST:
        return contest, None
    contest = replace(contest, tried=contest.tried + 1)
    if contest.standing is Standing.HOLDING:
        assert contest.mine is not None, "who holds has a record"
        new = replace(contest.mine, count=contest.tried)
        return contest, Call(contest.stored, new.text())
    if contest.standing is Standing.WATCHING and _is_free(contest, now):
        new = replace(contest.me, token=max(contest.newest + 1, int(wall_seconds)), count=contest.tried)
        return replace(contest, standing=Standing.TAKING), Call(contest.seen, new.text())
    if contest.has_seen and contest.seen is None:
        return contest, Call(None, replace(contest.me, holder=NOBODY_KNOWN, count=contest.tried).text())
    return contest, Call()


def hear(contest: Contest, call: Call, answer: Found | Failed, sent: float, now: float) -> Contest:
    """What the answer makes of it. `sent` is when the call was sent, `now` when the answer was there."""
    contest = replace(contest, trouble=answer.why if isinstance(answer, Failed) else "")
    if contest.standing is Standing.HOLDING:
        return _hear_holding(contest, call, answer, sent, now)
    if isinstance(answer, Failed):
        return replace(contest, standing=Standing.WATCHING, ask_at=now + contest.terms.poll_seconds)
    if contest.standing is Standing.TAKING and answer.text == call.new:
        return _holding(contest, call, sent)
    return _watch(replace(contest, standing=Standing.WATCHING), answer.text, now)


def tick(contest: Contest, now: float) -> Contest:
    """Our time may be over."""
    if contest.standing is Standing.HOLDING and now >= contest.until:
        return replace(contest, standing=Standing.LOST, trouble=contest.trouble or "it was not renewed in time")
    return contest


def give_back(contest: Contest) -> Call | None:
    """The call that says so, when what we ran is gone."""
    if contest.mine is None or contest.standing is not Standing.HOLDING:
        return None
    return Call(contest.stored, replace(contest.mine, holder="", count=contest.tried + 1).text())


def _hear_holding(contest: Contest, call: Call, answer: Found | Failed, sent: float, now: float) -> Contest:
    assert contest.mine is not None, "who holds has a record"
    if isinstance(answer, Failed):
        return replace(contest, ask_at=now + contest.terms.poll_seconds)
    if answer.text == call.new:
        return _holding(contest, call, sent)
    found = read(answer.text) if answer.text else None
    if found is not None and found.holder and (found.token, found.nonce) == (contest.mine.token, contest.mine.nonce):
        return replace(
            contest, stored=answer.text, ask_at=now
        )  # an exchange that was made, though no answer came: renew that
    if answer.text is None or (found is not None and found.holder == NOBODY_KNOWN):
        return replace(contest, stored=answer.text, ask_at=now)  # it was emptied: put ours back
    holder = found.holder if found else "somebody"
    return replace(contest, standing=Standing.LOST, trouble=f"{holder or 'nobody'} has it now")


def _holding(contest: Contest, made: Call, sent: float) -> Contest:
    terms = contest.terms
    return replace(
        contest,
        standing=Standing.HOLDING,
        mine=read(made.new or ""),
        stored=made.new,
        until=sent + terms.ttl_seconds - terms.margin_seconds,
        ask_at=sent + terms.renew_seconds,
    )


def _watch(contest: Contest, text: str | None, now: float) -> Contest:
    record = read(text) if text else None
    newest = max(contest.newest, record.token if record else 0)
    if not contest.has_seen or text != contest.seen:
        contest = replace(contest, has_seen=True, seen=text, seen_at=now)
    contest = replace(contest, newest=newest)
    return replace(contest, ask_at=now if _is_free(contest, now) else now + contest.terms.poll_seconds)


def _is_free(contest: Contest, now: float) -> bool:
    """Given back by the newest holder that we know of, or watched for long enough."""
    if not contest.has_seen:
        return False
    watched_seconds = now - contest.seen_at
    if contest.seen is None:
        return watched_seconds >= contest.terms.patience_seconds
    record = read(contest.seen)
    is_given_back = record is not None and not record.holder and record.token >= contest.newest
    return is_given_back or watched_seconds >= contest.terms.ttl_seconds
