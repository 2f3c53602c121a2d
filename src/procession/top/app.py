"""The screen of `procession top`: what is seen and heard is put in its place, a key is asked about and passed on."""

from __future__ import annotations

import time
from operator import attrgetter
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.message import Message
from textual.widgets import Footer, OptionList, Static

from procession.console.lines import harmless
from procession.control import wire
from procession.refusal import Refusal
from procession.top import words
from procession.top.charts import CELL_SECONDS, CPU_LEAST_PERCENT, KEEP_SECONDS, History, chart
from procession.top.logpane import LogPane
from procession.top.questions import Help, Question, Typing
from procession.top.rows import columns, rows
from procession.top.table import Table, are_same
from procession.top.watcher import Again, Heard, Listener, Looker, Seen, Wanted
from procession.watching import actions
from procession.watching.actions import VERBS
from procession.watching.look import ENGINE_SECONDS
from procession.watching.picture import Picture, ProcessRow

EVERY_SECONDS = 1.0
OLD_SECONDS = 2.0  # without the next answer, and what is shown is called old
CHART_LINES = 4
CHART_COLUMNS_MAX = int(KEEP_SECONDS / CELL_SECONDS)
TALL_LINES = 32  # a terminal that has room for them
COMPLAINT_SECONDS = 20.0
PLACES = ("summary", "trouble", "head", "about", "cpu", "memory")


class News(Message):
    """From beside the screen: something was seen or heard."""

    def __init__(self, what: Seen | Heard) -> None:
        super().__init__()
        self.what = what


class Top(App[None]):
    """Until `q`. `directory` is the stack directory."""

    CSS_PATH = "top.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "ask('start')", "Start"),
        Binding("x", "ask('stop')", "Stop"),
        Binding("r", "ask('restart')", "Restart"),
        Binding("o", "ask('roll')", "Roll"),
        Binding("c", "ask('scale')", "Scale"),
        Binding("slash", "find", "Find", key_display="/"),
        Binding("f", "filter", "Filter"),
        Binding("z", "log_alone", "Log", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q,ctrl+c", "quit", "Quit", key_display="q"),
        Binding("escape", "show_all", show=False),
        Binding("ctrl+z", "suspend_process", show=False),
    ]

    def __init__(self, directory: str) -> None:
        super().__init__(ansi_color=True)
        self._directory = directory
        self._seen = Seen(time.monotonic())
        self._picture: Picture | None = None
        self._answered_at = time.monotonic()
        self._history = History()
        self._only = ""
        self._find = ""
        self._is_log_alone = False
        self._offered: tuple[str, ...] = ()
        self._places = {name: Static(id=name) for name in PLACES}
        self._shown: dict[str, Text] = {}
        self._table = Table()
        self._pane = LogPane()
        self._listener = Listener(directory, self._tell)
        self._looking = Again(Looker(directory, self._tell).look, EVERY_SECONDS)
        self._listening = Again(self._listener.listen, EVERY_SECONDS)

    def compose(self) -> ComposeResult:
        for name in ("summary", "trouble", "head"):
            yield self._places[name]
        yield self._table
        yield self._places["about"]
        with Horizontal(id="charts"):
            yield self._places["cpu"]
            yield self._places["memory"]
        yield self._pane
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.theme = "ansi-dark"  # the sixteen colours of the terminal, on its own paper, dark or light
        self.animation_level = "none"
        self._looking.start()
        self._listening.start()
        self.set_interval(EVERY_SECONDS, self._say_how_it_is)
        self._table.focus()

    def on_unmount(self) -> None:
        self._looking.end()
        self._listening.end()

    def _tell(self, news: Seen | Heard) -> None:
        if self.is_running:
            self.post_message(News(news))

    def _mark(self, name: str, *, is_on: bool) -> None:
        """A class for the style sheet, on the screen below all questions; messages come before and after it, too."""
        for screen in self.screen_stack[:1]:
            screen.set_class(is_on, name)

    # ------------------------------------------------------------------------------------------ what comes from beside
    def on_news(self, news: News) -> None:
        if isinstance(news.what, Heard):
            self._pane.hear(news.what)
            return
        self._seen = news.what
        if news.what.picture:
            self._picture, self._answered_at = news.what.picture, news.what.at
            self._looking.every_seconds = ENGINE_SECONDS if self._picture.engine else EVERY_SECONDS
            every = [one for process in news.what.picture.processes for one in process.instances]
            self._history.note(every, news.what.at)
        self._draw()

    def _draw(self) -> None:
        """All that is made of the picture."""
        self._say_how_it_is()
        if self._picture is None:
            return
        width = self.size.width - 2  # the table's mark of what is selected, and its scroll bar
        self._put("head", Text(f" {columns(self._picture, width).head()}", "bold"))
        self._table.show(rows(self._picture, self._history, width=width, only=self._only))
        self._follow()

    def _put(self, place: str, text: Text) -> None:
        """What is there already is not written again: each byte may have a slow line to go."""
        if place not in self._shown or not are_same(self._shown[place], text):
            self._shown[place] = text
            self._places[place].update(text)

    def _say_how_it_is(self) -> None:
        """The first line, and the trouble under it; each second, since no answer is an answer, too."""
        ago = time.monotonic() - self._answered_at
        is_old = self._picture is not None and (
            ago > OLD_SECONDS + self._looking.every_seconds or bool(self._seen.trouble)
        )
        self._put("summary", words.summary(self._picture, self._only, is_old=is_old))
        self._put("trouble", words.trouble(self._seen, ago, is_old=is_old))
        self._places["trouble"].display = is_old or bool(self._seen.trouble)
        self._mark("old", is_on=is_old)

    # ------------------------------------------------------------------------------------------ what is selected
    def on_option_list_option_highlighted(self, _event: OptionList.OptionHighlighted) -> None:
        self._follow()

    def on_resize(self, event: Resize) -> None:
        self._mark("tall", is_on=event.size.height >= TALL_LINES)
        self._draw()

    def _target(self) -> tuple[str, ProcessRow | None]:
        row = self._table.selected
        if row is None or self._picture is None:
            return "", None
        return row.name, self._picture.row(row.name)

    def _follow(self) -> None:
        """Have the pane and the charts be those of what is selected."""
        name, process = self._target()
        wanted = Wanted(name, self._find)
        if wanted != self._listener.wanted:
            self._listener.wanted = wanted
            self._pane.begin(wanted)
            self._listening.wake()
        offered = process.offered if process else ()
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()
        self._put("about", words.about(process, self.size.width))
        self._draw_charts(process)

    def _draw_charts(self, process: ProcessRow | None) -> None:
        alive = sorted((one for one in process.instances if one.is_alive), key=attrgetter("is_old")) if process else []
        width = min(CHART_COLUMNS_MAX, self.size.width // 2 - 4)
        each = (("cpu", self._history.cpu, CPU_LEAST_PERCENT), ("memory", self._history.memory, 1.0))
        for name, points, least in each:
            shape = chart(points(alive[0]), width=width, height=CHART_LINES, least=least) if alive else []
            self._put(name, Text().append("\n".join(shape), "cyan" if name == "cpu" else "blue"))
            self._places[name].border_title = words.chart_title(name, alive, self._history)

    # ------------------------------------------------------------------------------------------ keys
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What makes no sense for what is selected is not offered."""
        if action != "ask":
            return True
        _, process = self._target()
        return process is not None and parameters[0] in process.offered

    def action_ask(self, verb: str) -> None:
        name, process = self._target()
        if process is None:
            return

        def answered(typed: str | None) -> None:
            if typed is not None:
                self._perform(verb, name, typed)

        self.push_screen(Question(verb, name, replicas=process.replicas if verb == "scale" else None), answered)

    @work(thread=True)
    def _perform(self, verb: str, name: str, typed: str) -> None:
        fields: wire.Message = {"counts": {name: int(typed)}} if verb == "scale" else {"names": [name]}
        try:
            complaints = actions.perform(self._directory, verb, fields)
        except Refusal as refusal:
            complaints = [text for text in (refusal.what, refusal.fix) if text]
        self.call_from_thread(self._say_how_it_went, f"{VERBS[verb].title} {name}", complaints)
        self._looking.wake()

    def _say_how_it_went(self, what: str, complaints: list[str]) -> None:
        if complaints:
            told = harmless(" ".join(complaints), has_color=False)
            self.notify(f"{what}: {told}", severity="error", timeout=COMPLAINT_SECONDS, markup=False)
        else:
            self.notify(f"{what}: asked for", markup=False)

    def action_find(self) -> None:
        self.push_screen(Typing("Find in the log", self._find), self._set_find)

    def action_filter(self) -> None:
        self.push_screen(Typing("Show only, by name, kind or state", self._only), self._set_only)

    def _set_find(self, typed: str | None) -> None:
        if typed is not None:
            self._find = typed
            self._follow()

    def _set_only(self, typed: str | None) -> None:
        if typed is not None:
            self._only = typed
            self._draw()

    def action_show_all(self) -> None:
        self._find = self._only = ""
        self._show_log(is_alone=False)
        self._draw()
        self._follow()

    def action_log_alone(self) -> None:
        self._show_log(is_alone=not self._is_log_alone)

    def _show_log(self, *, is_alone: bool) -> None:
        if is_alone != self._is_log_alone:
            self._is_log_alone = is_alone
            self._mark("alone", is_on=is_alone)
            (self._pane if is_alone else self._table).focus()

    def action_help(self) -> None:
        self.push_screen(Help())
