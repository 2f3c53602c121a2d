"""`procession top` in a terminal (a pty, whose bytes a terminal emulator reads): how it comes, looks and goes."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pyte
import pytest

import procession
from tests.console.project import Project
from tests.top.conftest import TopSite

LINES, COLUMNS = 24, 80
COLORS = re.compile(r"\x1b\[[0-9;]*\b(?:3[0-7]|38|4[0-7]|48|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


@pytest.mark.parametrize("how", ["q", "ctrl-c", "SIGTERM"])
def test_it_comes_shows_and_leaves_the_terminal_as_it_was(site: TopSite, how: str) -> None:
    terminal = site.terminal("top", "--no-color")
    terminal.resize(LINES, COLUMNS)
    before = terminal.settings()
    terminal.await_text("● ready")
    terminal.await_text("Quit")
    assert terminal.settings() != before
    screen = _screen(terminal.raw)
    assert re.search(r"worker +● ready", "\n".join(screen.display)), screen.display
    assert not COLORS.search(terminal.raw)
    selected = [line for line in range(LINES) if screen.buffer[line][1].reverse]
    assert len(selected) == 1, "what is selected is to be seen without colours, too"
    _end(terminal.pid, terminal.type, how)
    assert terminal.ended() == 0
    assert terminal.raw.rstrip().endswith("\x1b[?25h") or "\x1b[?1049l" in terminal.raw, "the screen is not given back"
    assert terminal.settings() == before


def test_what_a_log_says_to_the_terminal_does_not_reach_it(site: TopSite) -> None:
    site.says("\x1b]0;evil title\x07\x1b[6n\x1b]52;c;ZXZpbA==\x07 end of it")
    terminal = site.terminal("top")
    terminal.resize(LINES, COLUMNS)
    terminal.await_text("end of it")
    assert r"\x1b]0;evil title\x07\x1b[6n\x1b]52;c;" in " ".join(_screen(terminal.raw).display)
    assert not re.search("\x1b](?:0|52);|\x1b\\[6n", terminal.raw)


def _end(pid: int, press: object, how: str) -> None:
    if how == "SIGTERM":
        os.kill(pid, signal.SIGTERM)
    else:
        assert callable(press)
        press(b"q" if how == "q" else b"\x03")


def _screen(raw: str) -> pyte.Screen:
    screen = pyte.Screen(COLUMNS, LINES)
    pyte.Stream(screen).feed(raw)
    return screen


def test_without_a_terminal_it_says_what_to_take(site: TopSite) -> None:
    ended = site.run("top")
    assert ended.code == 2
    assert ended.err == "error: `procession top` needs a terminal\n    elsewhere: procession status\n"


def test_without_textual_it_says_what_to_install(own: Project) -> None:
    own.command = (sys.executable, "-S", "-m", "procession")  # without site-packages
    source = str(Path(procession.__file__).parents[1])
    ended = own.run("top", environment={"PYTHONPATH": source})
    assert ended.code == 4
    assert ended.err.splitlines()[-1].strip() == "pip install 'procession[tui]'"
