"""The log of what is selected: followed at its end, left alone by who reads further up."""

from __future__ import annotations

import re
from collections import deque

from rich.text import Text
from textual.events import Resize
from textual.widgets import RichLog

from procession.console.lines import harmless
from procession.recorder.reading.records import Record
from procession.top.watcher import Heard, Wanted

LINES_MAX = 2000  # that the pane holds: the files have the others
INSTANCE_STYLES = ("cyan", "yellow", "green", "magenta", "blue")
TAB_COLUMNS = 4


class LogPane(RichLog):
    """Shows what was heard, harmless: no line of a log moves the cursor, sets a title or hides another one."""

    def __init__(self) -> None:
        super().__init__(max_lines=LINES_MAX, min_width=1, wrap=True, id="log")
        self._records: deque[Record] = deque(maxlen=LINES_MAX)
        self._wanted = Wanted()
        self._unread = 0
        self._columns = 0
        self._follows = True

    def begin(self, wanted: Wanted) -> None:
        """Another log, or another search: what was shown goes at once."""
        self._wanted = wanted
        self._records.clear()
        self._unread = 0
        self._follows = True
        self.clear()
        self._tell_where()

    def hear(self, heard: Heard) -> None:
        """Add its lines; of a log that nobody wants any more, none."""
        if heard.wanted != self._wanted:
            return
        if heard.is_first:
            self.begin(heard.wanted)
        for note in _notes(heard):
            self.write(Text(note, "dim italic"), scroll_end=self._follows)
        for record in heard.records:
            self._records.append(record)
            self.write(self._line(record), scroll_end=self._follows)
        self._unread = 0 if self._follows else self._unread + len(heard.records)
        self._tell_where()

    def on_resize(self, event: Resize) -> None:
        """Lines are broken anew where the width has changed; the end stays in sight for who was there."""
        follows = self._follows
        if event.size.width != self._columns:
            self._columns = event.size.width
            self.clear()
            for record in self._records:
                self.write(self._line(record), scroll_end=follows)
        if follows:
            self.scroll_end(animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._follows = self.is_vertical_scroll_end
        if self._unread and self._follows:
            self._unread = 0
            self._tell_where()

    def _tell_where(self) -> None:
        find = f" with {self._wanted.find!r} - Escape: all" if self._wanted.find else ""
        behind = f" - {self._unread} new below: End" if self._unread else ""
        title = Text(f"Log of {self._wanted.name}{find}{behind}" if self._wanted.name else "Log").markup
        if title != self.border_title:
            self.border_title = title

    def _line(self, record: Record) -> Text:
        line = Text(overflow="fold")
        line.append(f"{record.time[11:19]} ", "dim")
        line.append(f"{record.instance} ", INSTANCE_STYLES[hash_of(record.instance) % len(INSTANCE_STYLES)])
        line.append(harmless(record.text, has_color=False).expandtabs(TAB_COLUMNS))
        if self._wanted.find:
            line.highlight_regex(re.compile(re.escape(self._wanted.find), re.IGNORECASE), "reverse")
        return line


def hash_of(name: str) -> int:
    """The same in each run, and different for neighbours."""
    return sum(map(ord, name))


def _notes(heard: Heard) -> list[str]:
    if heard.trouble:
        return [harmless(heard.trouble, has_color=False)]
    if heard.is_first and not heard.records:
        return ["No line has it." if heard.wanted.find else "It has said nothing yet."]
    if not heard.is_cut:
        return []
    return ["… lines further back were not looked at" if heard.is_first else "… more came than is shown"]
