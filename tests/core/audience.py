"""Who is told of things in a simulated world, and complains of a storm, of a recovery too many, and of one too few."""

from __future__ import annotations

import json
from collections.abc import Iterable

from procession.stack.model import AlertKind, Alerts
from procession.supervisor.core import actions as do
from procession.supervisor.core import alerts
from procession.supervisor.core.alert_memory import recall, remember
from procession.supervisor.core.alerts import HOUR_SECONDS, Board, Notice
from procession.supervisor.core.model import Model
from procession.supervisor.core.outbox import Outbox

ROUNDING_SECONDS = 1e-6
RULES = Alerts(email=("ops@example.com",), hourly=6)


class Audience:
    def __init__(self) -> None:
        self.board = Board(rules=RULES)
        self.open: dict[int, set[AlertKind]] = {}  # by number: what was told of it
        self.closed: set[int] = set()
        self.heard: list[float] = []

    def saw(self, model: Model, actions: Iterable[do.Action], now: float) -> None:
        self.board = alerts.saw(self.board, model, actions, now)

    def wait(self, now: float) -> None:
        """Time has passed."""
        while (due := alerts.next_due(self.board)) is not None and due <= now:
            self.board, notices = alerts.tick(self.board, now)
            self.hear(notices, now)

    def hear(self, notices: tuple[Notice, ...], now: float, *, is_last: bool = False) -> None:
        """One message."""
        if not notices:
            return
        lately = [at for at in self.heard if now - at < HOUR_SECONDS - ROUNDING_SECONDS]
        assert len(lately) < RULES.hourly or is_last, f"{len(lately) + 1} messages in an hour"
        self.heard.append(now)
        for notice in notices:
            self.hear_of(notice)

    def hear_of(self, notice: Notice) -> None:
        assert notice.number not in self.closed, f"alert {notice.number} of {notice.subject} was over"
        kinds = {finding.kind for finding in notice.findings}
        if notice.state == "open":
            told = self.open.setdefault(notice.number, set())
            assert kinds > told, f"{notice.subject}: nothing new in {kinds}"
            told |= kinds
        else:
            assert notice.number in self.open, f"{notice.subject} {notice.state}, and nobody knew"
            del self.open[notice.number]
            self.closed.add(notice.number)

    def move_on(self, model: Model, now: float) -> None:
        """Another supervisor, after a reboot for all that it knows: its clock is the same by chance alone."""
        data = json.loads(json.dumps(remember(self.board, Outbox(), now)))
        board, _ = recall(data, RULES, now)
        assert _known(board) == _known(self.board), "what is remembered is what was known"
        self.board = alerts.look_at_all(board, model, now)

    def end(self, now: float) -> None:
        self.board, notices = alerts.end(self.board, now)
        self.hear(notices, now, is_last=True)
        assert not self.open, f"never closed: {self.open}"


def _known(board: Board) -> list[object]:
    """All but the times, which are rounded on their way."""
    alerts_known = [(one.number, one.stage, one.findings, one.told, one.unwell) for one in board.alerts.values()]
    return [alerts_known, [one.number for one in board.notices], len(board.sent), sorted(board.past), board.last_number]
