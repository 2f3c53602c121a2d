"""Tells people: keeps what is open and what is on its way, and has a `Sender` send one message after the other.

All of it is written down before each attempt, so that who comes after us tells nothing twice. Made only where ALERTS
are declared.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from time import monotonic, time
from typing import Any, Protocol

from procession.loop import Loop
from procession.stack.channels import channels
from procession.stack.codec import to_data
from procession.stack.model import Stack
from procession.supervisor.core import alerts, outbox
from procession.supervisor.core.actions import Action, Record
from procession.supervisor.core.alert_memory import recall, remember
from procession.supervisor.core.alerts import Board, Notice
from procession.supervisor.core.model import Model
from procession.supervisor.core.outbox import Parcel
from procession.supervisor.linux import rundir
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.sender import Sender

FILE_NAME = "alerts.json"
REPORT_NAME = "alerts.report"
LAST_SECONDS = 5.0  # when everything is down, for what is still to be told
SAVE_AGAIN_SECONDS = 2.0  # after a write that failed


class Keeper(Protocol):
    """What hears of us: the recorder."""

    def keep(self, record: Record) -> None: ...
    def note(self, text: str) -> None: ...


class Alerter:
    """Its deadlines in the loop have the keys (self, "due"), (self, "save") and (self, "last")."""

    def __init__(self, directory: str, loop: Loop, children: Children, keeper: Keeper, stack: Stack) -> None:
        """Go on where the last supervisor of this directory was cut off. `stack` has ALERTS. Raises OSError."""
        assert stack.alerts is not None, "an alerter is made for who wants alerts"
        self._path = os.path.join(directory, FILE_NAME)
        self._directory = directory
        self._loop = loop
        self._keeper = keeper
        self._stack = stack
        self._on_over: Callable[[], object] | None = None
        self._is_late = False  # we end, and there is no more time
        self._sender = Sender(os.path.join(directory, REPORT_NAME), loop, children, self._conclude)
        data, trouble = rundir.read_json(self._path)
        if trouble:
            keeper.note(trouble)
        self._board, self._outbox = recall(data or {}, stack.alerts, monotonic())
        if self._outbox.in_hand:
            self._sender.take_over(data or {})
        self._arm()

    def declare(self, stack: Stack) -> None:
        """From now on by these rules."""
        if stack.alerts is not None:
            self._stack = stack
            self._board = replace(self._board, rules=stack.alerts)
            self._outbox = outbox.keep_only(self._outbox, {channel.name for channel in channels(stack.alerts)})

    def resume(self, model: Model) -> None:
        """This is what shall run, by what is written down."""
        self._take(alerts.look_at_all(self._board, model, monotonic()))

    def saw(self, model: Model, actions: Iterable[Action]) -> None:
        """`decide` has answered this."""
        self._take(alerts.saw(self._board, model, actions, monotonic()))

    def saw_disk(self, trouble: str) -> None:
        """Lines are being dropped, because of that; "": no more."""
        self._take(alerts.disk(self._board, trouble, monotonic()))

    def status(self) -> dict[str, object]:
        """What is open, and what has not got through: plain data."""
        now = monotonic()
        return {
            "open": [_opened(alert, now) for alert in self._board.alerts.values() if alert.told],
            "undelivered": [_undelivered(parcel, now) for parcel in self._outbox.parcels if parcel.trouble],
        }

    def finish(self, on_over: Callable[[], object]) -> None:
        """Everything is down: tell what is left to tell, for a few seconds; then nothing of us is there."""
        self._on_over = on_over
        self._loop.call_after(LAST_SECONDS, (self, "last"), self._end)
        self._board, notices = alerts.end(self._board, monotonic())
        self._send_off(notices)
        self._outbox = outbox.hurry(self._outbox, monotonic())
        self._go_on()

    def forget(self) -> None:
        """Nobody wants alerts any more."""
        self._cancel("due", "save")
        self._sender.close()
        try:
            rundir.remove(self._path)
        except OSError as error:
            self._keeper.note(f"cannot remove {self._path}: {error.strerror}")

    def _take(self, board: Board) -> None:
        """This is the board now; most often it is the one that was."""
        if board is not self._board:
            self._board = board
            self._save()
            self._arm()

    def _arm(self) -> None:
        due = [at for at in (alerts.next_due(self._board), outbox.next_due(self._outbox)) if at is not None]
        if due:
            self._loop.call_at(min(due), (self, "due"), self._go_on)
        else:
            self._cancel("due")

    def _go_on(self) -> None:
        """What is due is sent off, and tried. While we end, it is the last time."""
        if self._is_late:
            self._end()
            return
        if self._on_over is None:
            self._board, notices = alerts.tick(self._board, monotonic())
            self._send_off(notices)
        self._outbox, parcel = outbox.take(self._outbox, monotonic())
        self._save()  # before the attempt: who comes after us must not try the same
        if parcel is not None:
            self._try(parcel)
        elif self._on_over is not None and not self._sender.pid:
            self._end()
            return
        self._arm()

    def _send_off(self, notices: tuple[Notice, ...]) -> None:
        if not notices:
            return
        names = tuple(channel.name for channel in channels(self._board.rules))
        self._outbox, given_up = outbox.put(self._outbox, to_message(notices, self._stack), names, monotonic())
        for parcel in given_up:
            self._keeper.keep(Record("alert-given-up", detail=_detail(parcel, {"why": "too many wait"})))

    def _try(self, parcel: Parcel) -> None:
        request = {
            "message": parcel.message,
            "directory": self._stack.directory,
            "stack_directory": self._directory,
            "alerts": to_data(self._board.rules),
            "channels": parcel.channels,
        }
        try:
            self._sender.begin(self._stack.alerter, json.dumps(request).encode())
        except OSError as error:
            self._record(dict.fromkeys(parcel.channels, f"cannot start the sender: {error.strerror}"))
        self._save()  # with its pid, or that it failed

    def _conclude(self, results: Mapping[str, str]) -> None:
        self._record(results)
        self._go_on()

    def _record(self, results: Mapping[str, str]) -> None:
        """What became of the attempt."""
        self._outbox, parcel = outbox.end_attempt(self._outbox, results, monotonic())
        if parcel is None:
            return
        through = [name for name, why in results.items() if not why and name in parcel.channels]
        if through:
            self._keeper.keep(Record("alert-sent", detail=_detail(parcel, {"by": through})))
        if not parcel.trouble:
            return
        detail = _detail(parcel, {"why": dict(parcel.trouble)})
        if any(one.number == parcel.number for one in self._outbox.parcels):
            self._keeper.keep(Record("alert-not-sent", detail=detail))
        else:
            self._keeper.keep(Record("alert-given-up", detail=detail))

    def _save(self) -> None:
        self._cancel("save")
        data = remember(self._board, self._outbox, monotonic())
        try:
            rundir.write_json(self._path, {**data, **self._sender.mark()})
        except OSError:
            self._loop.call_after(SAVE_AGAIN_SECONDS, (self, "save"), self._save)

    def _end(self) -> None:
        """Nothing of us is left: what did not get through is written down for the next `up`."""
        self._is_late = True
        self._cancel("due", "last")
        if self._sender.pid:
            self._sender.kill()  # its end comes next, and calls us again
            return
        self._save()
        self._cancel("save")
        on_over, self._on_over = self._on_over, None
        if on_over is not None:
            on_over()

    def _cancel(self, *names: str) -> None:
        for name in names:
            self._loop.cancel((self, name))


def to_message(notices: tuple[Notice, ...], stack: Stack) -> dict[str, Any]:
    """The message as `procession.django.alerts.request` reads it. Its times are for people."""
    later = time() - monotonic()
    return {
        "id": os.urandom(14).hex(),
        "site": stack.name,
        "host": os.uname().nodename,
        "at": time(),
        "items": [_item(notice, later) for notice in notices],
    }


def _item(notice: Notice, later: float) -> dict[str, Any]:
    return {
        "id": _id(notice.subject, notice.number),
        "process": notice.subject,
        "state": notice.state,
        "began": notice.began + later,
        "at": notice.at + later,
        "troubles": [
            {"kind": finding.kind.value, "instance": finding.instance, "said": finding.said}
            for finding in notice.findings
        ],
    }


def _opened(alert: alerts.Alert, now: float) -> dict[str, object]:
    return {
        "id": _id(alert.subject, alert.number),
        "process": alert.subject,
        "stage": alert.stage.value,
        "kinds": sorted(alert.told),
        "age_seconds": round(now - alert.began, 3),
    }


def _undelivered(parcel: Parcel, now: float) -> dict[str, object]:
    return {
        "channels": list(parcel.channels),
        "attempts": parcel.attempts,
        "trouble": dict(parcel.trouble or {}),
        "again_seconds": round(max(0.0, parcel.due - now), 3),
    }


def _detail(parcel: Parcel, more: Mapping[str, object]) -> dict[str, object]:
    """For the history."""
    about = [f"{item['process'] or 'disk'} {item['state']}" for item in parcel.message.get("items", ())]
    return {"about": about, **more, "attempt": parcel.attempts}


def _id(subject: str, number: int) -> str:
    return f"{subject or 'disk'}-{number}"
