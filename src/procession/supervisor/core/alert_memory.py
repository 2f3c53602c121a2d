"""What the next supervisor must know of alerts: plain JSON data, both ways.

Times are kept as ages, and deadlines as what is left of them: a clock that begins anew with the machine does not
matter, and the time that no supervisor was there does not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from procession.stack.codec import from_data, to_data
from procession.stack.model import Alerts
from procession.supervisor.core.alerts import Alert, Board, Finding, Notice, Past
from procession.supervisor.core.outbox import Outbox, Parcel

VERSION = 1


def remember(board: Board, outbox: Outbox, now: float) -> dict[str, Any]:
    """All that is open, and all that is on its way."""
    shifted, parcels = _shifted(board, -now), [replace(one, due=one.due - now) for one in outbox.parcels]
    return {
        "version": VERSION,
        "alerts": [
            {**to_data(one), "told": sorted(one.told), "unwell": sorted(one.unwell)} for one in shifted.alerts.values()
        ],
        "past": to_data(shifted.past),
        "notices": to_data(shifted.notices),
        "sent": list(shifted.sent),
        "last_number": board.last_number,
        "parcels": to_data(parcels),
        "in_hand": outbox.in_hand,
        "last_parcel": outbox.last_number,
    }


def recall(data: Mapping[str, Any], rules: Alerts, now: float) -> tuple[Board, Outbox]:
    """Both as they were. What makes no sense counts as nothing remembered; it never raises for it."""
    try:
        return _recall(data, rules, now)
    except (TypeError, ValueError, KeyError):
        return Board(rules=rules), Outbox()


def _recall(data: Mapping[str, Any], rules: Alerts, now: float) -> tuple[Board, Outbox]:
    if data.get("version") != VERSION:
        raise ValueError("of another format")
    alerts = [_alert(item) for item in data["alerts"]]
    board = Board(
        rules=rules,
        alerts={alert.subject: alert for alert in alerts},
        past={str(subject): from_data(Past, item) for subject, item in data["past"].items()},
        notices=tuple(from_data(Notice, item) for item in data["notices"]),
        sent=tuple(float(at) for at in data["sent"]),
        last_number=int(data["last_number"]),
    )
    parcels = tuple(from_data(Parcel, item) for item in data["parcels"])
    outbox = Outbox(
        parcels=tuple(replace(one, due=one.due + now) for one in parcels),
        in_hand=int(data["in_hand"]),
        last_number=int(data["last_parcel"]),
    )
    return _shifted(board, now), outbox


def _alert(item: Mapping[str, Any]) -> Alert:
    kinds = {finding.kind for finding in (from_data(Finding, one) for one in item["findings"])}
    alert = from_data(Alert, {**item, "told": [], "unwell": []})
    told = frozenset(kind for kind in kinds if kind in item["told"])
    return replace(alert, told=told, unwell=frozenset(map(str, item["unwell"])))


def _shifted(board: Board, seconds: float) -> Board:
    """With every time so much later."""

    def later(at: float) -> float:
        return at + seconds

    return replace(
        board,
        alerts={
            subject: replace(one, began=later(one.began), due=None if one.due is None else later(one.due))
            for subject, one in board.alerts.items()
        },
        past={subject: replace(one, closed_at=later(one.closed_at)) for subject, one in board.past.items()},
        notices=tuple(replace(one, began=later(one.began), at=later(one.at)) for one in board.notices),
        sent=tuple(map(later, board.sent)),
    )
