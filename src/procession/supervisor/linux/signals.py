"""Signals to the supervisor: each becomes a byte on a pipe that the loop reads. Nothing happens in a handler."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import signal
from collections.abc import Callable, Mapping
from types import FrameType

from procession.loop import Loop

TAKEN = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
READ_BYTES = 4096


def take_signals(loop: Loop, on: Mapping[int, Callable[[], object]]) -> None:
    """Call `on[number]` in the loop for each signal of TAKEN; several of one kind may become one (signal(7)).

    What a parent had blocked is unblocked. A pipe that is full loses nothing that matters: a byte of each kind is in
    it.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in TAKEN:
        signal.signal(number, _do_nothing)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    loop.watch(reading, lambda: _dispatch(set(os.read(reading, READ_BYTES)), on))


def block_signals() -> None:
    """Hold back what we take: between fork and `reset_signals`, the child would answer it with a byte on our pipe."""
    signal.pthread_sigmask(signal.SIG_BLOCK, TAKEN)


def unblock_signals() -> None:
    """In the supervisor, after the fork."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TAKEN)


def reset_signals() -> None:
    """In the child: every signal as a program expects it, at its default, none blocked; exec keeps what is ignored.

    By `_signal`, which `signal` wraps: making enums of the answers would cost the child, whose every page is a copy,
    0.1 ms.
    """
    _signal.set_wakeup_fd(-1)
    for number in _TO_RESET:
        _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def signal_number(name: str) -> signal.Signals:
    """Of "TERM" or "SIGTERM", in any case. Raises ValueError that says what was wrong."""
    try:
        return signal.Signals["SIG" + name.upper().removeprefix("SIG")]
    except KeyError:
        raise ValueError(f"there is no signal {name!r}; see signal(7)") from None


def _find_ignored() -> tuple[int, ...]:
    """What Python ignores for itself (PIPE, XFSZ), or the program that started us did (HUP under nohup)."""
    return tuple(int(number) for number in signal.Signals if signal.getsignal(number) is signal.SIG_IGN)


def _dispatch(numbers: set[int], on: Mapping[int, Callable[[], object]]) -> None:
    for number in numbers:
        on[number]()


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """The byte on the pipe says it all."""


_TO_RESET = (*map(int, TAKEN), *_find_ignored())
