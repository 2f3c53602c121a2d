"""Signals and JSON from the C modules below `signal` and `json`.

Importing the two standard modules brings in `enum` and `re`, 1.2 MB of memory that nobody else touches in a process
that weighs 3 MB without them (CPython 3.11, `Private_Dirty` of an idle recorder). What is used here has been the same
in every CPython since 3.4; the tests compare it with `json` and `signal`.
"""

from __future__ import annotations

import _json
import _signal  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

SIGHUP: int = _signal.SIGHUP
SIGINT: int = _signal.SIGINT
SIGTERM: int = _signal.SIGTERM


class _Rules:
    """What the C scanner asks of a decoder: the attributes of json.JSONDecoder."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float

    def __init__(self) -> None:
        self.memo: dict[str, str] = {}


_scan = _json.make_scanner(_Rules())  # type: ignore[arg-type]


def parse_json(text: str) -> Json:
    """One JSON value that is the whole of `text`, spaces around it allowed. Raises ValueError when it is not."""
    text = text.strip()
    try:
        value, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError, SystemError):  # SystemError: it misses json.decoder
        return _parse_thoroughly(text)
    return value if end == len(text) else _parse_thoroughly(text)


def _parse_thoroughly(text: str) -> Json:
    """Something is wrong with it, which is rare: let `json` find the words."""
    import json

    try:
        return json.loads(text)  # type: ignore[no-any-return]
    except RecursionError:
        raise ValueError("nested too deeply") from None


def quote_json(text: str) -> str:
    """The text as a JSON string, quotes included."""
    return _json.encode_basestring_ascii(text)


def catch_signals(numbers: tuple[int, ...], wakeup_fd: int) -> None:
    """From now on each of these signals only writes its number as one byte to `wakeup_fd` (which must not block)."""
    _signal.set_wakeup_fd(wakeup_fd, warn_on_full_buffer=False)
    for number in numbers:
        _signal.signal(number, _do_nothing)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """The byte on the wake-up fd says it all."""
