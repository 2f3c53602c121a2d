"""The screen of `procession top` in a test, driven by textual's own pilot, before a real supervisor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from procession.top.app import Top
from tests.console.project import DEADLINE_SECONDS, Project

LOOK_SECONDS = 0.02
Story = Callable[["Screen"], Awaitable[None]]


class Screen:
    """What one sees, and the keys."""

    def __init__(self, app: Top, pilot: Pilot[None]) -> None:
        self._app = app
        self._pilot = pilot

    @property
    def text(self) -> str:
        strips = self._app.screen._compositor.render_strips()  # what is shown, as nothing public says it
        return "\n".join(strip.text.rstrip() for strip in strips)

    def line(self, name: str) -> str:
        """The row of that process or instance; "" if there is none."""
        return next((line for line in self.text.split("\n") if line.split()[:1] == [name]), "")

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)

    async def resize(self, columns: int, lines: int) -> None:
        await self._pilot.resize_terminal(columns, lines)

    async def type(self, text: str) -> None:
        await self._pilot.press(*text)

    async def until(self, claim: Callable[[], bool], what: str) -> None:
        """Wait until it holds."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not claim():
            assert time.monotonic() < deadline, f"{what}; it shows:\n{self.text}"
            await self._pilot.pause(LOOK_SECONDS)

    async def sees(self, *texts: str) -> None:
        for text in texts:
            await self.until(lambda text=text: text in self.text, f"no {text!r}")  # type: ignore[misc]

    async def misses(self, text: str) -> None:
        await self.until(lambda: text not in self.text, f"{text!r} stays")

    async def select(self, name: str) -> None:
        """Go there by the arrow keys."""
        await self.until(lambda: bool(self.line(name)), f"no row {name}")
        await self.press("home")
        for _ in range(20):
            if f"─Log of {name}─" in self.text:
                return
            await self.press("down")
            await self._pilot.pause()
        raise AssertionError(f"{name} cannot be selected:\n{self.text}")


def watch(project: Project, story: Story, *, columns: int = 80, lines: int = 24) -> None:
    """Show the project's stack in a terminal of that size, while the story is played."""

    async def play() -> None:
        app = Top(str(project.stack_directory))
        async with app.run_test(size=(columns, lines), notifications=True) as pilot:
            await story(Screen(app, pilot))

    asyncio.run(play())
