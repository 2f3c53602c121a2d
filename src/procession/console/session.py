"""A session at an instance's terminal: the user's own terminal in raw mode, and bytes both ways until one leaves."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import termios
from time import monotonic

from procession.console.text import say
from procession.refusal import ExitCode
from procession.terminal.words import ENDED, MESSAGE_BYTES_MAX, OTHERS, SHOWN, SIZE, TYPED, WINDOW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

READ_BYTES = 16 << 10  # less than MESSAGE_BYTES_MAX
INTERRUPT = b"\x03"  # Ctrl-C
INTERRUPT_AGAIN_SECONDS = 3.0
NORMAL_AGAIN = b"\x1b[0m\x1b[?25h\x1b[?2004l"  # plain text, the cursor seen, no bracketed paste: it may have left those
LEAVING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
EVENTS = (signal.SIGWINCH, *LEAVING_SIGNALS)


def attach(session: Session) -> int:
    """Run the session, and leave the user's terminal as it was, whatever happens; the exit code."""
    is_terminal = os.isatty(0)
    before = termios.tcgetattr(0) if is_terminal else None
    with _Wakeup() as wakeup:
        try:
            if before is not None:
                _make_raw(before)
            code = session.run(wakeup, is_terminal=is_terminal)
        finally:
            if before is not None:
                _put_back(before)
    say(f"\n{session.farewell}" if is_terminal else session.farewell)  # behind a prompt, which has no line end
    return code


class Session:
    """`holder` is the connection to the terminal's holder."""

    def __init__(self, holder: socket.socket, instance: str, detach_key: bytes) -> None:
        self._holder = holder
        self._instance = instance
        self._detach_key = detach_key
        self._key = "Ctrl-" + chr(detach_key[0] | 0x40)
        self._interrupted_at = float("-inf")
        self._code: int | None = None  # set: it is over
        self.farewell = ""

    def run(self, wakeup: int, *, is_terminal: bool) -> int:
        """Until somebody leaves; the exit code. `wakeup` is the fd on which signals come, as bytes."""
        say(f"At the terminal of {self._instance}. {self._key} leaves, and it goes on." if is_terminal else
            f"At the terminal of {self._instance}, until the end of stdin.")  # fmt: skip
        self._send_window()
        poller = select.poll()
        for fd in (0, wakeup, self._holder.fileno()):
            poller.register(fd, select.POLLIN)
        while self._code is None:
            ready = [fd for fd, _ in poller.poll()]
            if self._holder.fileno() in ready:
                self._hear()
            if wakeup in ready:
                self._obey(os.read(wakeup, READ_BYTES))
            if 0 in ready and self._code is None:
                self._type(os.read(0, READ_BYTES), is_terminal=is_terminal)
        return self._code

    def _hear(self) -> None:
        try:
            message = self._holder.recv(MESSAGE_BYTES_MAX + 1)
        except ConnectionError:
            message = b""
        if message[:1] == SHOWN:
            _write(message[1:])
        elif message[:1] == OTHERS:
            self._say_who_is_here(int(message[1:]))
        elif message[:1] == ENDED:
            self._leave(f"{self._instance} has ended.")
        elif not message:
            what = "its terminal's holder has gone away; attach again: it is started anew"
            self._leave(f"{self._instance}: {what}", ExitCode.NOT_SO)

    def _say_who_is_here(self, count: int) -> None:
        if count > 1:
            say(f"-- {count} people are attached to {self._instance}: all see it, all may type")

    def _obey(self, numbers: bytes) -> None:
        """What signals ask for."""
        if any(number in LEAVING_SIGNALS for number in numbers):
            self._leave_by_will()
        elif signal.SIGWINCH in numbers:
            self._send_window()

    def _type(self, data: bytes, *, is_terminal: bool) -> None:
        """Pass on what the user has typed; b"" is the end of stdin."""
        typed, key, _ = data.partition(self._detach_key) if is_terminal else (data, b"", b"")
        if is_terminal and INTERRUPT in typed:
            typed = self._without_first_interrupt(typed)
        if typed:
            self._send(TYPED + typed)
        if key or not data:
            self._leave_by_will()

    def _without_first_interrupt(self, typed: bytes) -> bytes:
        """Who presses Ctrl-C to leave would stop the site."""
        is_again = monotonic() < self._interrupted_at + INTERRUPT_AGAIN_SECONDS
        self._interrupted_at = monotonic()
        if is_again:
            return typed
        say(f"\n-- Ctrl-C again interrupts {self._instance} (SIGINT); {self._key} leaves, and it goes on")
        return typed.replace(INTERRUPT, b"", 1)

    def _send_window(self) -> None:
        try:
            columns, rows = os.get_terminal_size(1)
        except OSError:
            return  # not shown on a terminal
        if rows and columns:  # 0: nobody has said it (ioctl_tty(2))
            self._send(WINDOW + SIZE.pack(rows, columns))

    def _send(self, message: bytes) -> None:
        try:
            self._holder.sendall(message)
        except OSError:
            pass  # it has gone: to hear from it tells

    def _leave_by_will(self) -> None:
        self._leave(f"Left {self._instance}; it goes on.")

    def _leave(self, farewell: str, code: int = ExitCode.DONE) -> None:
        self.farewell = farewell
        self._code = code


class _Wakeup:
    """While in it, EVENTS are bytes on the fd that it gives."""

    def __enter__(self) -> int:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = [signal.signal(number, _do_nothing) for number in EVENTS]
        signal.set_wakeup_fd(self._write)
        return self._read

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in zip(EVENTS, self._before, strict=True):
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)


def _make_raw(before: list[object]) -> None:
    """Each key goes to the program at once, none means something here; what is shown is treated as before: the other
    terminal has turned its line ends into CR LF already, which does no harm twice (termios(3), cfmakeraw).
    """
    input_flags, output_flags, control_flags, local_flags, *speeds, _ = termios.tcgetattr(0)
    input_flags &= ~(termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP | termios.IXON)
    local_flags &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    characters = list(before[-1])  # type: ignore[call-overload]
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    raw = [input_flags, output_flags, control_flags, local_flags, *speeds, characters]
    termios.tcsetattr(0, termios.TCSADRAIN, raw)


def _put_back(before: list[object]) -> None:
    try:
        if os.isatty(1):
            _write(NORMAL_AGAIN)
        termios.tcsetattr(0, termios.TCSADRAIN, before)  # type: ignore[arg-type]
    except OSError:
        pass  # the terminal is gone
    except termios.error:
        pass


def _write(data: bytes) -> None:
    """To the user. Raises OSError."""
    sys.stdout.flush()
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest) :]


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """The byte on the fd says it all."""
