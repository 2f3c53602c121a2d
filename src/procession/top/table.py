"""The table: a list in which what has changed alone is drawn again, and what is selected stays selected."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from procession.top.rows import Row

FILLING = "\u00a0"  # blanks at the end of a line would be left out


class Table(OptionList):
    """Shows rows; `selected` is the one that keys act on."""

    def __init__(self) -> None:
        super().__init__(markup=False, id="table")
        self._rows: list[Row] = []
        self._marked = 0

    @property
    def selected(self) -> Row | None:
        at = self.highlighted
        return self._rows[at] if at is not None and at < len(self._rows) else None

    def show(self, rows: list[Row]) -> None:
        """Take these in the place of the last ones."""
        before, self._rows = self._rows, rows
        if [row.key for row in before] != [row.key for row in rows]:
            return self._begin_anew(before)
        for at, (old, new) in enumerate(zip(before, rows, strict=True)):
            if not are_same(old.text, new.text):
                self._draw(at)
        return None

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """The mark goes along with it."""
        before, self._marked = self._marked, event.option_index
        for at in {before, event.option_index}:
            self._draw(at)

    def _begin_anew(self, before: list[Row]) -> None:
        """Stay where we are: on the same row, else on the one that has its place."""
        at = self.highlighted or 0
        key = before[at].key if at < len(before) else ""
        kept = [number for number, row in enumerate(self._rows) if row.key == key]
        self.set_options([Option(row.text, id=row.key) for row in self._rows])
        self.highlighted = kept[0] if kept else min(at, len(self._rows) - 1) if self._rows else None

    def _draw(self, at: int) -> None:
        if at < len(self._rows):
            text = self._rows[at].text
            self.replace_option_prompt_at_index(at, self._reversed(text) if at == self._marked else text)

    def _reversed(self, text: Text) -> Text:
        """As every terminal can show it, without colours, too: the whole width of it."""
        width = max(0, self.scrollable_content_region.width - 1)
        padded = [line.plain + FILLING * (width - line.cell_len) for line in text.split("\n")]
        return Text("\n").join(Text(line, "reverse") for line in padded)


def are_same(old: Text, new: Text) -> bool:
    """To the eye."""
    return old.plain == new.plain and old.spans == new.spans
