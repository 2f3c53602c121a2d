"""Log lines for people: behind an aligned name in a colour of its own, and harmless to the terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from procession.recorder.reading.records import Record

COLORS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
RESET = "\x1b[0m"
SGR = re.compile(r"\x1b\[[0-9;:]*m")
# Control characters (C0 but tab, DEL, C1), stray bytes kept as surrogates, and marks that turn the direction of text:
# what a client sent in a URL can be in a log, and must not move the cursor, set the title or hide a line of who reads
# it.
HARMFUL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class LinePrinter:
    """Writes records to stdout: as they are into a pipe or file, made harmless and coloured on a terminal."""

    def __init__(self, names: Iterable[str], *, with_times: bool, is_terminal: bool, has_color: bool) -> None:
        self._width = max(map(len, names), default=0)
        self._with_times = with_times
        self._is_terminal = is_terminal
        self._has_color = has_color
        self._prefixes: dict[str, str] = {}

    def show(self, record: Record) -> None:
        """Write one line. Raises BrokenPipeError when its reader has gone."""
        prefix = self._prefixes.get(record.instance) or self._prefix(record.instance)
        time = f"{record.time} " if self._with_times and record.time else ""
        if self._is_terminal:
            sys.stdout.write(f"{prefix}{time}{harmless(record.text, self._has_color)}\n")
        else:
            sys.stdout.buffer.write(f"{prefix}{time}{record.text}\n".encode("utf-8", "surrogateescape"))

    def _prefix(self, name: str) -> str:
        """Colours go by the order in which names turn up, so that neighbours differ."""
        text = f"{name.ljust(self._width)} | "
        if self._has_color:
            text = f"\x1b[{COLORS[len(self._prefixes) % len(COLORS)]}m{text}{RESET}"
        self._prefixes[name] = text
        return text


def harmless(text: str, has_color: bool) -> str:
    """The text with its control characters written out (`\\x1b`); colours stay, where wanted, and end with it."""
    colors = SGR.findall(text)
    if not colors:
        return HARMFUL.sub(_written_out, text)
    plain = [HARMFUL.sub(_written_out, part) for part in SGR.split(text)]
    if not has_color:
        return "".join(plain)
    pairs = zip(plain, [*colors, RESET], strict=True)
    return "".join(part + color for part, color in pairs)


def _written_out(found: re.Match[str]) -> str:
    number = ord(found.group())
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"  # a byte that was no UTF-8
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
