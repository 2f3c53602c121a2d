"""What is asked before something is done, what is typed to find or to filter, and the help."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.validation import Integer
from textual.widgets import Input, Static

from procession.watching.actions import VERBS

REPLICAS_MAX = 10_000
CONFIRM = "Enter, y  do it      Escape, n  leave it"
HELP = """\
Up Down PgUp PgDn   select; the log below is that of what is selected
Tab                 to the log and back; End follows it again
z                   the log alone, and back

r  restart          o  roll: each new one ready before the old one goes
s  start            c  scale
x  stop             each of them asks first

/  find in the log: in all of it, also what was rotated away
f  filter what runs: by name, kind or state
Escape              all lines, all rows again

q  quit             ?  this page

Processor and memory are those of whole trees. The charts begin when
you begin to look, and tell of the last minutes: a column is 5 seconds.\
"""


class Question(ModalScreen[str | None]):
    """Whether it is meant. Dismissed with None for no, with "" for yes, or with the number that was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(False)"),
        Binding("enter,y", "answer(True)"),
    ]

    def __init__(self, verb: str, name: str, *, replicas: int | None = None) -> None:
        super().__init__()
        self._verb = VERBS[verb]
        self._name = name
        self._replicas = replicas

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Text(f"{self._verb.title} {self._name}?", "bold"))
            yield Static(Text(self._verb.means.format(name=self._name)))
            if self._replicas is not None:
                yield Input(
                    str(self._replicas), type="integer", max_length=5, compact=True,
                    validators=[Integer(0, REPLICAS_MAX)], select_on_focus=True,
                )  # fmt: skip
            yield Static(Text(CONFIRM if self._replicas is None else "Enter  do it      Escape  leave it", "dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.isdecimal() and int(event.value) <= REPLICAS_MAX:
            self.dismiss(event.value)

    def action_answer(self, is_meant: bool) -> None:
        self.dismiss("" if is_meant else None)


class Typing(ModalScreen[str | None]):
    """One line to type, at the foot. Dismissed with it; with None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)")]

    def __init__(self, title: str, value: str) -> None:
        super().__init__()
        self._title = title
        self._value = value

    def compose(self) -> ComposeResult:
        with Vertical(classes="foot"):
            yield Static(Text(f"{self._title} (Enter; Escape leaves it)", "bold"))
            yield Input(self._value, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "dismiss")]

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Text(HELP))
