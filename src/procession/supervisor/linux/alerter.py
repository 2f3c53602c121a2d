"""Tells people, by a short-lived child in the site's own Python, which sends a message and reports what came of it.

The child is nobody's instance, and goes on if we die. Its report goes into a file that is there beforehand: a child
that outlives us is heard by our successor, and a full disk, which is what it may have to tell of, does not silence it.
What is decided, and what is on its way, is written down before each attempt, so nothing is told twice.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from time import monotonic, time
from typing import Any, Protocol

from procession.loop import Loop
from procession.stack.alerts import channels
from procession.stack.codec import to_data
from procession.stack.model import Alerts, Stack
from procession.supervisor.core import actions as do
from procession.supervisor.core import alerts, outbox
from procession.supervisor.core.alert_memory import recall, remember
from procession.supervisor.core.alerts import Board, Notice
from procession.supervisor.core.model import Model
from procession.supervisor.core.outbox import Parcel
from procession.supervisor.linux import procfs, rundir
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.environment import NOT_PASSED_ON
from procession.supervisor.linux.signals import TAKEN

FILE_NAME = "alerts.json"
REPORT_NAME = "alerts.report"
REPORT_BYTES = 8192  # a line of 400 bytes for each of twenty channels
KILL_SECONDS = 60.0  # after which a child that hangs is killed; it ends itself earlier (procession.django.alerts)
LAST_SECONDS = 5.0  # when everything is down, for what is still to be told
SAVE_AGAIN_SECONDS = 2.0


class Keeper(Protocol):
    """What hears of us: the recorder."""

    def keep(self, record: do.Record) -> None: ...
    def note(self, text: str) -> None: ...


class Alerter:
    def __init__(self, directory: str, loop: Loop, children: Children, keeper: Keeper, stack: Stack) -> None:
        """Go on where the last supervisor of this directory was cut off. `stack` has ALERTS."""
        assert stack.alerts is not None, "an alerter is made for who wants alerts"
        self._directory = directory
        self._loop = loop
        self._children = children
        self._keeper = keeper
        self._stack = stack
        self._pid = 0
        self._on_over: Callable[[], object] | None = None
        self._is_late = False  # we end, and there is no more time
        self._report = _open_report(os.path.join(directory, REPORT_NAME))
        data, trouble = rundir.read_json(os.path.join(directory, FILE_NAME))
        if trouble:
            keeper.note(trouble)
        self._board, self._outbox = recall(data or {}, stack.alerts, monotonic())
        if self._outbox.in_hand:
            self._wait_for_orphan(data or {})
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

    def saw(self, model: Model, actions: Iterable[do.Action]) -> None:
        """`decide` has answered this."""
        self._take(alerts.saw(self._board, model, actions, monotonic()))

    def saw_disk(self, trouble: str) -> None:
        """Lines are being dropped, because of that; "": no more."""
        self._take(alerts.disk(self._board, trouble, monotonic()))

    def status(self) -> dict[str, object]:
        """What is open, and what has not got through: plain data."""
        now = monotonic()
        opened = [alert for alert in self._board.alerts.values() if alert.told]
        return {
            "open": [
                {
                    "id": _id(alert.subject, alert.number),
                    "process": alert.subject,
                    "stage": alert.stage.value,
                    "kinds": sorted(alert.told),
                    "age_seconds": round(now - alert.began, 3),
                }
                for alert in opened
            ],
            "undelivered": [
                {
                    "channels": list(parcel.channels),
                    "attempts": parcel.attempts,
                    "trouble": dict(parcel.trouble),
                    "again_seconds": round(max(0.0, parcel.due - now), 3),
                }
                for parcel in self._outbox.parcels
                if parcel.trouble
            ],
        }

    def finish(self, on_over: Callable[[], object]) -> None:
        """Everything is down: tell what is left to tell, for a few seconds; then nothing of us is there."""
        self._on_over = on_over
        self._loop.call_after(LAST_SECONDS, "alerts end", self._end)
        board, notices = alerts.end(self._board, monotonic())
        self._board = board
        if notices:
            self._send_off(notices)
        self._outbox = outbox.hurry(self._outbox, monotonic())
        self._go_on()

    def forget(self) -> None:
        """Nobody wants alerts any more."""
        for key in ("alerts", "alerts child", "alerts save"):
            self._loop.cancel(key)
        self._kill()
        self._on_over, self._is_late = None, True
        os.close(self._report)
        rundir.remove(os.path.join(self._directory, FILE_NAME))

    def _take(self, board: Board) -> None:
        """This is the board now; most often it is the one that was."""
        if board is not self._board:
            self._board = board
            self._save()
            self._arm()

    def _arm(self) -> None:
        due = [at for at in (alerts.next_due(self._board), outbox.next_due(self._outbox)) if at is not None]
        if due:
            self._loop.call_at(min(due), "alerts", self._go_on)
        else:
            self._loop.cancel("alerts")

    def _go_on(self) -> None:
        """What is due now is sent off, and tried."""
        if self._is_late:
            self._end()
            return
        if self._on_over is None:
            self._board, notices = alerts.tick(self._board, monotonic())
            if notices:
                self._send_off(notices)
        self._outbox, parcel = outbox.take(self._outbox, monotonic())
        self._save()  # before the attempt: who comes after us must not try the same
        if parcel is not None:
            self._try(parcel)
        elif self._on_over is not None and not self._pid:
            self._end()
            return
        self._arm()

    def _send_off(self, notices: tuple[Notice, ...]) -> None:
        names = tuple(channel.name for channel in channels(self._rules))
        message = to_message(notices, self._stack)
        self._outbox, given_up = outbox.put(self._outbox, message, names, monotonic())
        for parcel in given_up:
            self._record("alert-given-up", parcel, {"why": "too many wait"})

    @property
    def _rules(self) -> Alerts:
        return self._board.rules

    def _try(self, parcel: Parcel) -> None:
        try:
            _blank(self._report)
            self._pid = _spawn(self._stack.alerter, self._request(parcel), self._report)
        except OSError as error:
            self._conclude(dict.fromkeys(parcel.channels, f"cannot start the sender: {error.strerror}"))
            return
        self._children.add(self._pid, lambda _status: self._ended())
        self._save()  # with its pid
        self._loop.call_after(KILL_SECONDS, "alerts child", self._kill)

    def _request(self, parcel: Parcel) -> bytes:
        request = {
            "message": parcel.message,
            "directory": self._stack.directory,
            "stack_directory": self._directory,
            "alerts": to_data(self._rules),
            "channels": parcel.channels,
        }
        return json.dumps(request).encode()

    def _wait_for_orphan(self, data: Mapping[str, Any]) -> None:
        """Of a dead supervisor's child, the report; when it has ended, if it still runs."""
        pid, start_ticks = data.get("pid"), data.get("start_ticks")
        try:
            if not isinstance(pid, int) or not isinstance(start_ticks, int) or not pid:
                raise ProcessLookupError
            pidfd = self._children.adopt(pid, start_ticks, lambda _status: self._adopted_ended(pidfd))
        except OSError:
            wait = 0.0 if pid else KILL_SECONDS  # without a pid it may be there all the same
            self._loop.call_after(wait, "alerts child", self._ended)
            return
        self._pid = pid
        self._loop.call_after(KILL_SECONDS, "alerts child", self._kill)

    def _adopted_ended(self, pidfd: int) -> None:
        os.close(pidfd)
        self._ended()

    def _kill(self) -> None:
        """It hangs. Its own end is told as any."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)  # not reaped, or held by a pidfd that has told of no end yet

    def _ended(self) -> None:
        self._pid = 0
        self._loop.cancel("alerts child")
        self._conclude(read_report(self._report))
        self._go_on()

    def _conclude(self, results: Mapping[str, str]) -> None:
        self._outbox, parcel = outbox.end_attempt(self._outbox, results, monotonic())
        if parcel is None:
            return
        through = [name for name, why in results.items() if not why and name in parcel.channels]
        if through:
            self._record("alert-sent", parcel, {"by": through})
        if parcel.trouble:
            is_left = any(one.number == parcel.number for one in self._outbox.parcels)
            self._record("alert-not-sent" if is_left else "alert-given-up", parcel, {"why": dict(parcel.trouble)})

    def _record(self, kind: str, parcel: Parcel, detail: Mapping[str, object]) -> None:
        items = parcel.message.get("items", [])
        about = [f"{item['process'] or 'disk'} {item['state']}" for item in items]
        self._keeper.keep(do.Record(kind, detail={"about": about, **detail, "attempt": parcel.attempts}))

    def _save(self) -> None:
        self._loop.cancel("alerts save")
        start = procfs.read_stat(self._pid) if self._pid else None
        data = remember(self._board, self._outbox, monotonic())
        try:
            rundir.write_json(
                os.path.join(self._directory, FILE_NAME),
                {**data, "pid": self._pid, "start_ticks": start.start_ticks if start else 0},
            )
        except OSError:
            self._loop.call_after(SAVE_AGAIN_SECONDS, "alerts save", self._save)

    def _end(self) -> None:
        """Nothing of us is left: what did not get through is written down for the next `up`."""
        self._is_late = True
        for key in ("alerts", "alerts end"):
            self._loop.cancel(key)
        if self._pid:
            self._kill()
            return  # its end comes next, and calls us again
        self._save()
        self._loop.cancel("alerts save")
        on_over, self._on_over = self._on_over, None
        if on_over is not None:
            on_over()


def to_message(notices: tuple[Notice, ...], stack: Stack) -> dict[str, Any]:
    """The message as `procession.django.alerts.request` reads it. Its times are for people."""
    now, wall = monotonic(), time()
    return {
        "id": os.urandom(14).hex(),
        "site": stack.name,
        "host": os.uname().nodename,
        "at": wall,
        "items": [
            {
                "id": _id(one.subject, one.number),
                "process": one.subject,
                "state": one.state,
                "began": wall - (now - one.began),
                "at": wall - (now - one.at),
                "troubles": [
                    {"kind": finding.kind.value, "instance": finding.instance, "said": finding.said}
                    for finding in one.findings
                ],
            }
            for one in notices
        ],
    }


def read_report(fd: int) -> dict[str, str]:
    """Why not, by channel; "" for what got through. A line that is cut short says nothing."""
    found: dict[str, str] = {}
    for line in os.pread(fd, REPORT_BYTES, 0).split(b"\n"):
        try:
            said = json.loads(line)
            found[str(said["channel"])] = str(said["why"])
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _id(subject: str, number: int) -> str:
    return f"{subject or 'disk'}-{number}"


def _open_report(path: str) -> int:
    """A file with its room taken: to write into it needs none on the disk. In memory, where there is no room for that.

    Raises OSError.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if os.fstat(fd).st_size < REPORT_BYTES:
            os.pwrite(fd, b" " * REPORT_BYTES, 0)
        return fd
    except OSError:
        return os.memfd_create(REPORT_NAME, os.MFD_CLOEXEC)


def _blank(fd: int) -> None:
    """In place. Raises OSError."""
    os.pwrite(fd, b" " * REPORT_BYTES, 0)
    os.lseek(fd, 0, os.SEEK_SET)


def _spawn(command: tuple[str, ...], request: bytes, report: int) -> int:
    """Its pid. The request is in memory, where it is to be read from as from a file: nobody waits. Raises OSError."""
    stdin = os.memfd_create("request", os.MFD_CLOEXEC)
    try:
        os.write(stdin, request)
        os.lseek(stdin, 0, os.SEEK_SET)
        return os.posix_spawn(
            command[0],
            command,
            {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, stdin, 0),
                (os.POSIX_SPAWN_DUP2, report, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=TAKEN,
        )
    finally:
        os.close(stdin)
