"""`procession attach`, on real terminals: what is typed reaches the program, and one's own terminal comes back."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import termios

import pytest

from procession.console.attach import control_key
from tests.console.project import DEADLINE_SECONDS, Project, await_true
from tests.terminal.programs import declaration, holders

LEAVE = b"\x1d"  # Ctrl-]
LOCAL_FLAGS = 3
SLEEPER = "import time; time.sleep(1000)"


@pytest.fixture
def up(project: Project) -> Project:
    """A site that stands at a breakpoint()."""
    project.declare(declaration())
    project.ok("up", "-d")
    await_logged(project, "(Pdb)")
    return project


def log_of(project: Project, instance: str = "web.1") -> str:
    """As it is, with its line ends."""
    path = project.stack_directory / "log" / f"{instance}.log"
    return path.read_bytes().decode() if path.exists() else ""


def await_logged(project: Project, text: str) -> None:
    await_true(lambda: text in log_of(project), f"{text!r} was not logged")


def test_a_debuggers_prompt(up: Project) -> None:
    """What was said before is there; the answer comes; the dialogue is in the log, with LF; one leaves."""
    terminal = up.terminal("attach", "web")
    terminal.await_text("(Pdb)")
    assert terminal.shown.startswith("At the terminal of web.1. Ctrl-] leaves, and it goes on.\r\n")
    terminal.type(b"p 6*7\r")
    terminal.await_text("42")
    terminal.type(LEAVE)
    assert terminal.ended() == 0
    assert "Left web.1; it goes on." in terminal.shown
    await_logged(up, "Z 42\n")
    assert "\r\n" not in log_of(up)
    assert up.instance("web.1")["restarts"] == 0


def test_the_terminal_is_as_it_was(up: Project) -> None:
    terminal = up.terminal("attach", "web")
    terminal.await_text("(Pdb)")
    assert not terminal.settings()[LOCAL_FLAGS] & (termios.ECHO | termios.ICANON | termios.ISIG)
    terminal.type(LEAVE)
    terminal.await_text("Left web.1")
    assert_sane(terminal.settings())


def assert_sane(settings: list[int]) -> None:
    sane = termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
    assert settings[LOCAL_FLAGS] & sane == sane


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_in_order(up: Project, number: signal.Signals) -> None:
    terminal = up.terminal("attach", "web")
    terminal.await_text("(Pdb)")
    os.kill(terminal.pid, number)
    terminal.await_text("Left web.1; it goes on.")
    assert_sane(terminal.settings())
    assert terminal.ended() == 0


def test_an_instance_that_ends_is_said(up: Project) -> None:
    terminal = up.terminal("attach", "web")
    terminal.await_text("(Pdb)")
    terminal.type(b"print('last ' + 'words'); os._exit(3)\r")
    terminal.await_text("web.1 has ended.")
    assert "last words" in terminal.shown
    assert_sane(terminal.settings())
    assert terminal.ended() == 0


def test_a_holder_that_is_killed_is_said_and_the_next_one_goes_on(up: Project) -> None:
    pid = up.instance("web.1")["pid"]
    terminal = up.terminal("attach", "web")
    terminal.await_text("(Pdb)")
    (holder,) = holders(up.stack_directory)
    os.kill(holder, signal.SIGKILL)
    terminal.await_text("its terminal's holder has gone away; attach again")
    assert_sane(terminal.settings())
    assert terminal.ended() == 1
    await_true(lambda: holders(up.stack_directory) not in ([], [holder]), "there is no new holder")
    again = up.run_typing("p 6*7\n", "attach", "web", until="42")
    assert "hung up" not in log_of(up)
    assert "42" in again
    assert up.instance("web.1")["pid"] == pid


def test_ctrl_c_interrupts_at_the_second_press_only(up: Project) -> None:
    terminal = up.terminal("attach", "web")
    terminal.await_text("(Pdb)")
    terminal.press_ctrl_c()
    terminal.await_text("-- Ctrl-C again interrupts web.1 (SIGINT); Ctrl-] leaves, and it goes on")
    terminal.type(b"p 'not ' + 'yet'\r")
    terminal.await_text("(Pdb)", after="'not yet'")  # it reads again: pdb cannot be interrupted while it prints
    assert "interrupted" not in terminal.shown
    terminal.press_ctrl_c()
    terminal.press_ctrl_c()
    terminal.type(b"\r")  # a signal that comes just before Python's readline waits for a key is handled after that key
    terminal.await_text("interrupted")


def test_the_programs_window_is_ones_own(up: Project) -> None:
    terminal = up.terminal("attach", "web")
    terminal.await_text("(Pdb)")
    terminal.resize(41, 123)
    terminal.await_text("window 123 41")


def test_another_key_leaves(up: Project) -> None:
    terminal = up.terminal("attach", "web", "--detach-key", "ctrl-q")
    terminal.await_text("Ctrl-Q leaves")
    terminal.await_text("(Pdb)")
    terminal.type(LEAVE + b"x" + b"p 6*7\r")  # which are readline's own: it looks for an x
    terminal.await_text("42")
    terminal.type(b"\x11")
    assert terminal.ended() == 0


def test_two_people_see_the_same(up: Project) -> None:
    first = up.terminal("attach", "web")
    first.await_text("(Pdb)")
    second = up.terminal("attach", "web.1")
    for terminal in (first, second):
        terminal.await_text("-- 2 people are attached to web.1: all see it, all may type")
    second.type(b"p 6*7\r")
    first.await_text("(Pdb)", after="42")
    first.type(b"p 'as ' + 'one'\r")
    second.await_text("'as one'")


def test_the_program_does_not_wait_for_one_who_reads_nothing(up: Project) -> None:
    """He misses some of what was said meanwhile, and is told so."""
    deaf = up.terminal("attach", "web")
    deaf.await_text("(Pdb)")
    os.kill(deaf.pid, signal.SIGSTOP)
    up.run_typing("for n in range(30000): print('x' * 100)\n\np 'writ' + 'ten'\n", "attach", "web", until="'written'")
    os.kill(deaf.pid, signal.SIGCONT)
    deaf.await_text("-- too much at once: some of it is not shown here")
    deaf.type(b"p 'still ' + 'here'\r")
    deaf.await_text("'still here'")
    assert up.instance("web.1")["restarts"] == 0


def test_without_a_terminal_of_ones_own_stdin_is_typed_and_its_end_leaves(up: Project) -> None:
    ended = up.run("attach", "web")
    assert ended.code == 0, ended
    assert ended.err == "At the terminal of web.1, until the end of stdin.\nLeft web.1; it goes on.\n"
    assert "42" in up.run_typing("p 6*7\n", "attach", "web", until="42")


def test_what_has_no_terminal_says_how_to_get_one(project: Project) -> None:
    project.declare(declaration(code=SLEEPER, tty=False))
    project.ok("up", "-d")
    ended = project.run("attach", "web")
    assert (ended.code, ended.err) == (
        1,
        'error: web has no terminal\n    write "TTY": True for web, and: procession update\n',
    )


def test_names_that_are_not_there_not_running_or_not_one(project: Project) -> None:
    project.declare(declaration(more="replicas = 2\n") + declaration("worker", SLEEPER))
    project.ok("up", "-d")
    several = project.run("attach", "web")
    assert (several.code, several.err) == (2, "error: web has 2 instances; say which: web.1, web.2\n")
    unknown = project.run("attach", "wokrer")
    assert (unknown.code, unknown.err.splitlines()[0]) == (
        2,
        "error: there is no 'wokrer', did you mean \"worker\"?",
    )
    project.ok("stop", "worker")
    stopped = project.run("attach", "worker.1")
    assert stopped.code == 1
    assert "worker.1 is stopped" in stopped.err
    project.ok("down")
    assert project.run("attach", "web").code == 3


def test_a_rolled_instance_has_a_new_terminal(up: Project) -> None:
    up.ok("roll", "web")
    await_true(lambda: len(holders(up.stack_directory)) == 1, "the old one's holder has not ended")
    assert "42" in up.run_typing("p 6*7\n", "attach", "web", until="42")


@pytest.mark.parametrize(("written", "byte"), [("ctrl-]", b"\x1d"), ("Ctrl-Q", b"\x11"), ("^a", b"\x01")])
def test_keys(written: str, byte: bytes) -> None:
    assert control_key(written) == byte


@pytest.mark.parametrize("written", ["q", "ctrl-", "ctrl-qq", "alt-q", "", "^"])
def test_what_is_no_control_key(written: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write a control key, such as"):
        control_key(written)


def test_a_pipe_that_is_closed_ends_it(up: Project) -> None:
    """`procession attach web | head -1`: no traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    child = subprocess.run(
        [*up.command, "attach", "web"], cwd=up.directory, env=up.environment(), stdin=subprocess.DEVNULL,
        stdout=writing, stderr=subprocess.PIPE, timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip
    os.close(writing)
    assert b"Traceback" not in child.stderr
