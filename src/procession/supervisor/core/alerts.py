"""What people are told of by themselves, and when: from what `decide` has done to messages. Pure, as `decide` is.

Three things keep a bad night quiet. An alert is told once, however often its process dies (`alert_table`). What comes
within `collect_seconds` goes into one message, and past `hourly` messages an hour it waits for the next one. And what
comes back within an hour must then be well for twice as long before it counts as recovered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from procession.stack.model import AlertKind, Alerts, Kind
from procession.supervisor.core import actions as do
from procession.supervisor.core.alert_table import TABLE, Effect, Happening, Ignored, Stage
from procession.supervisor.core.instance import Instance, Phase
from procession.supervisor.core.model import Model

HOUR_SECONDS = 3600.0
QUIET_SECONDS_MAX = HOUR_SECONDS
FINDINGS_MAX = 20  # of one alert; a process of a hundred instances does not need a longer message
NOTICES_MAX = 50  # that wait for a message
LEASE_LOST = 75  # with which `procession.lease.holder` ends when another may have the lease (EXIT_LOST there)
DISK = ""  # the subject of what is about the whole stack
PATIENT = frozenset({AlertKind.UNREADY})  # kinds that may pass by themselves


@dataclass(frozen=True, slots=True)
class Finding:
    """What is the matter with one instance ("" for the whole stack), in words."""

    kind: AlertKind
    instance: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Times are monotonic seconds."""

    subject: str  # the process; DISK
    number: int
    began: float
    quiet_seconds: float
    stage: Stage = Stage.NONE
    due: float | None = None
    findings: tuple[Finding, ...] = ()  # each kind of each instance once, as it was met first
    told: frozenset[AlertKind] = frozenset()
    unwell: frozenset[str] = frozenset()  # the instances that are in trouble, or on their way out of it


@dataclass(frozen=True, slots=True)
class Notice:
    """One part of a message. `state` is "open", "recovered", or "stopped" when a person ended it."""

    number: int
    subject: str
    state: str
    findings: tuple[Finding, ...]
    began: float
    at: float


@dataclass(frozen=True, slots=True)
class Past:
    """An alert that is over: what its successor must know."""

    quiet_seconds: float
    closed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    rules: Alerts
    alerts: Mapping[str, Alert] = field(default_factory=dict)  # by subject: those that are not over
    past: Mapping[str, Past] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()  # for the next message
    sent: tuple[float, ...] = ()  # when the messages of the last hour were made
    last_number: int = 0


def saw(board: Board, model: Model, actions: Iterable[do.Action], now: float) -> Board:
    """The board after `decide` has answered with `actions`."""
    touched: dict[str, list[Finding]] = {}
    for action in actions:
        if isinstance(action, do.Changed):
            touched.setdefault(action.name, [])
        elif isinstance(action, do.Record) and action.kind == "applied":
            touched = {name: touched.get(name, []) for name in (*_involved(board), *touched)}
        elif isinstance(action, do.Record) and action.instance:
            touched.setdefault(action.instance, []).extend(_moments(action, model))
    for name, moments in touched.items():
        board = _look(board, model, name, moments, now)
    return board


def look_at_all(board: Board, model: Model, now: float) -> Board:
    """The board of a supervisor that has begun again, and knows what is to run."""
    for name in _involved(board):
        board = _look(board, model, name, (), now)
    return board


def disk(board: Board, trouble: str, now: float) -> Board:
    """Lines are being dropped, because of `trouble`; "": none are any more."""
    if trouble:
        return _meet(board, DISK, Finding(AlertKind.DISK_FULL, "", trouble), now)
    alert = board.alerts.get(DISK)
    return board if alert is None else _step(board, replace(alert, unwell=frozenset()), Happening.WELL, now)


def tick(board: Board, now: float) -> tuple[Board, tuple[Notice, ...]]:
    """What is due at `now`: the board, and the notices of one message, none if there is none to send."""
    for alert in list(board.alerts.values()):
        if alert.due is not None and alert.due <= now:
            board = _step(board, alert, Happening.DUE, now)
    flush_at = _flush_at(board)
    return _flush(board, now) if flush_at is not None and flush_at <= now else (board, ())


def end(board: Board, now: float) -> tuple[Board, tuple[Notice, ...]]:
    """Everything is down, by a person's wish: what is open is closed, and all that waits is told."""
    for alert in list(board.alerts.values()):
        board = _step(board, alert, Happening.RESTED, now)
    return _flush(board, now) if board.notices else (board, ())


def next_due(board: Board) -> float | None:
    """When `tick` is to be called (monotonic seconds); None: only news will change anything."""
    times = [alert.due for alert in board.alerts.values() if alert.due is not None]
    flush_at = _flush_at(board)
    return min(times if flush_at is None else [*times, flush_at], default=None)


def trouble_of(instance: Instance) -> Finding | None:
    """What is the matter with it now."""
    if not _is_wanted(instance):
        return None
    if instance.phase is Phase.FAILED:
        return Finding(AlertKind.FAILED, instance.name, instance.last_exit)
    if instance.is_crash_looping and not _is_settled(instance):
        said = f"{instance.last_exit} ({instance.deaths} times in a row)"
        return Finding(AlertKind.CRASH_LOOPING, instance.name, said)
    if instance.phase is Phase.UNREADY:
        return Finding(AlertKind.UNREADY, instance.name, instance.said or "its readiness probe fails")
    return None


def _moments(record: do.Record, model: Model) -> list[Finding]:
    """What the history keeps of an instance, and no phase does."""
    text = str(record.detail.get("text", ""))
    if record.kind == "out-of-memory" or (record.kind == "exited" and record.detail.get("killer")):
        return [Finding(AlertKind.OUT_OF_MEMORY, record.instance, text or "the kernel killed some of its processes")]
    instance = model.instances.get(record.instance)
    is_lost = record.kind == "exited" and record.detail.get("status") == LEASE_LOST
    if is_lost and instance is not None and instance.process.lease:
        return [Finding(AlertKind.SINGLETON_LOST, record.instance, "it lost its lease, and was killed")]
    return []


def _involved(board: Board) -> list[str]:
    names = [f.instance for alert in board.alerts.values() for f in alert.findings]
    return list(dict.fromkeys(name for name in names if name))


def _look(board: Board, model: Model, name: str, moments: Iterable[Finding], now: float) -> Board:
    """What this instance is now, and what it went through, for the alert of its process."""
    subject = name.rpartition(".")[0]
    for moment in moments:
        board = _meet(board, subject, moment, now)
    instance = model.instances.get(name)
    trouble = trouble_of(instance) if instance is not None else None
    if trouble is not None:
        return _meet(board, subject, trouble, now)
    alert = board.alerts.get(subject)
    if alert is None or all(finding.instance != name for finding in alert.findings):
        return board
    if instance is not None and _is_wanted(instance) and not _is_settled(instance):
        return _step(board, replace(alert, unwell=alert.unwell | {name}), Happening.AGAIN, now)
    alert = replace(alert, unwell=alert.unwell - {name})
    if alert.unwell:
        return _put(board, alert)
    return _step(board, alert, _calm(alert, model), now)


def _calm(alert: Alert, model: Model) -> Happening:
    found = [model.instances.get(finding.instance) for finding in alert.findings]
    is_any_wanted = any(instance is not None and _is_wanted(instance) for instance in found)
    return Happening.WELL if is_any_wanted else Happening.RESTED


def _is_wanted(instance: Instance) -> bool:
    return instance.wanted and not instance.retiring


def _is_settled(instance: Instance) -> bool:
    """A task that runs is called ready, and is well only when it is done."""
    well = (Phase.DONE,) if instance.process.kind is Kind.TASK else (Phase.READY, Phase.DONE, Phase.STANDBY)
    return instance.phase in well


def _meet(board: Board, subject: str, finding: Finding, now: float) -> Board:
    """This is the matter."""
    if finding.kind not in board.rules.kinds:
        return board
    alert = board.alerts.get(subject) or _new(board, subject, now)
    findings = _with(alert.findings, finding)
    is_followed = any(one.instance == finding.instance for one in findings)
    unwell = alert.unwell | {finding.instance} if is_followed else alert.unwell
    alert = replace(alert, findings=findings, unwell=unwell)
    if finding.kind in alert.told:
        happening = Happening.AGAIN
    else:
        happening = Happening.DOUBT if finding.kind in PATIENT else Happening.NEWS
    return _step(board, alert, happening, now)


def _new(board: Board, subject: str, now: float) -> Alert:
    past = board.past.get(subject)
    quiet_seconds = board.rules.recovered_after_seconds
    if past is not None and now - past.closed_at < HOUR_SECONDS:
        quiet_seconds = min(2 * past.quiet_seconds, max(QUIET_SECONDS_MAX, quiet_seconds))
    return Alert(subject=subject, number=board.last_number + 1, began=now, quiet_seconds=quiet_seconds)


def _with(findings: tuple[Finding, ...], new: Finding) -> tuple[Finding, ...]:
    """A kind that is new has room in any case: what is told is what is found."""
    if any((one.kind, one.instance) == (new.kind, new.instance) for one in findings):
        return findings
    is_kind_known = any(one.kind is new.kind for one in findings)
    return findings if is_kind_known and len(findings) >= FINDINGS_MAX else (*findings, new)


def _step(board: Board, alert: Alert, happening: Happening, now: float) -> Board:
    """Take the table's step."""
    cell = TABLE[alert.stage, happening]
    if isinstance(cell, Ignored):
        return _put(board, alert)
    alert = replace(alert, stage=cell.stage)
    for effect in cell.effects:
        board, alert = EFFECTS[effect](board, alert, now)
    return _put(board, alert)


def _put(board: Board, alert: Alert) -> Board:
    """The very same board where nothing is new: then there is nothing to write down."""
    if board.alerts.get(alert.subject) == alert:
        return board
    others = {subject: other for subject, other in board.alerts.items() if subject != alert.subject}
    is_over = alert.stage is Stage.NONE
    alerts = others if is_over else {**others, alert.subject: alert}
    return replace(board, alerts=alerts, last_number=max(board.last_number, alert.number))


def _tell(board: Board, alert: Alert, now: float) -> tuple[Board, Alert]:
    kinds = frozenset(finding.kind for finding in alert.findings)
    return _notify(board, alert, "open", now), replace(alert, told=alert.told | kinds)


def _tell_recovered(board: Board, alert: Alert, now: float) -> tuple[Board, Alert]:
    return _close(board, alert, "recovered", now), alert


def _tell_rested(board: Board, alert: Alert, now: float) -> tuple[Board, Alert]:
    return _close(board, alert, "stopped", now), alert


def _close(board: Board, alert: Alert, state: str, now: float) -> Board:
    past = {subject: one for subject, one in board.past.items() if now - one.closed_at < HOUR_SECONDS}
    past[alert.subject] = Past(alert.quiet_seconds, now)
    return replace(_notify(board, alert, state, now), past=past)


def _notify(board: Board, alert: Alert, state: str, now: float) -> Board:
    notice = Notice(alert.number, alert.subject, state, alert.findings, alert.began, now)
    return replace(board, notices=(*board.notices, notice)[-NOTICES_MAX:])


def _arm_doubt(board: Board, alert: Alert, now: float) -> tuple[Board, Alert]:
    return board, replace(alert, due=now + board.rules.unready_after_seconds)


def _arm_quiet(board: Board, alert: Alert, now: float) -> tuple[Board, Alert]:
    return board, replace(alert, due=now + alert.quiet_seconds)


def _disarm(board: Board, alert: Alert, _now: float) -> tuple[Board, Alert]:
    return board, replace(alert, due=None)


EFFECTS: Final[Mapping[Effect, Callable[[Board, Alert, float], tuple[Board, Alert]]]] = {
    Effect.TELL: _tell,
    Effect.TELL_RECOVERED: _tell_recovered,
    Effect.TELL_RESTED: _tell_rested,
    Effect.ARM_DOUBT: _arm_doubt,
    Effect.ARM_QUIET: _arm_quiet,
    Effect.DISARM: _disarm,
}


def _flush_at(board: Board) -> float | None:
    """When what waits may go: once others had the time to come to it, and the hour has room for one more message."""
    if not board.notices:
        return None
    hourly = board.rules.hourly
    is_full = len(board.sent) >= hourly
    return max(
        board.notices[0].at + board.rules.collect_seconds, board.sent[-hourly] + HOUR_SECONDS if is_full else 0.0
    )


def _flush(board: Board, now: float) -> tuple[Board, tuple[Notice, ...]]:
    sent = tuple(at for at in board.sent if now - at < HOUR_SECONDS)
    return replace(board, notices=(), sent=(*sent, now)), board.notices
