"""Points in time as a person writes them: `1h` ago, or `2026-11-21 07:31`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from procession.units import seconds


def moment(text: str, now: datetime | None = None) -> datetime:
    """`10m`, `1.5h`, `2d` before now; `2026-11-21T07:31:00Z`, `2026-11-21 07:31`, `2026-11-21`, `07:31`. In UTC.

    Without an offset it is the local time of whoever asks. Raises ValueError for anything else.
    """
    now = now or datetime.now(UTC)
    try:
        if text and text[-1].isalpha() and text[-1] != "Z":
            return now - timedelta(seconds=seconds(text))
        if ":" in text[:3]:
            text = f"{now.astimezone():%Y-%m-%d}T{text}"
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"not a time: {text!r}; write 10m, 2h, 1d, 07:31, 2026-11-21 or 2026-11-21T07:31:00Z"
        ) from None


def as_stamp(when: datetime, *, is_end: bool = False) -> str:
    """As in log files: `2026-11-21T07:31:00.123Z`. `is_end`: a whole second means all of that second."""
    milliseconds = when.microsecond // 1000
    if is_end and not when.microsecond:
        milliseconds = 999
    return f"{when:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"
