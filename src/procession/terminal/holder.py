"""The holder of one instance's terminal: passes on what the program says, and what people who are attached type.

It has the master side of a pseudoterminal (pty(7)). What the program writes goes into the instance's FIFO, where the
recorder reads it as it does for any instance, and to everybody who is attached. The terminal is an ordinary one, so a
line ends in CR LF on it; in the log it ends in LF.

The instance has the master side open, too. So neither our death nor a supervisor's hangs the terminal up, and the next
holder goes on with it. Meanwhile the terminal's own buffer fills, and then the program waits in its write.
"""

from __future__ import annotations

import _socket
import os
from errno import EIO
from fcntl import ioctl
from select import POLLIN, POLLOUT, poll
from struct import pack
from termios import TIOCSWINSZ
from time import monotonic

from procession.terminal.words import ENDED, MESSAGE_BYTES_MAX, OTHERS, SHOWN, SIZE, TYPED, WINDOW

READ_BYTES = 16 << 10
TAIL_BYTES = 4 << 10  # of what was said last: shown to who comes
CLIENTS_MAX = 16
CLIENT_BYTES_MAX = 256 << 10  # that wait for one who reads too slowly; then he misses them: the program does not wait
SKIPPED = b"\r\n-- too much at once: some of it is not shown here, and is in the log --\r\n"
LAST_WORDS_SECONDS = 30.0  # that we wait for room in the FIFO after the program's end
CREDENTIALS_BYTES = 12  # struct ucred: pid, uid, gid


class Client:
    """Somebody who is attached."""

    __slots__ = ("socket", "waiting", "waiting_bytes")

    def __init__(self, socket: _socket.socket) -> None:
        self.socket = socket
        self.waiting: list[bytes] = []
        self.waiting_bytes = 0

    def send(self, message: bytes) -> None:
        """Now, or when there is room. Raises OSError for one who is gone."""
        if self.waiting_bytes > CLIENT_BYTES_MAX:
            self.waiting = [SHOWN + SKIPPED]
            self.waiting_bytes = len(self.waiting[0])
        self.waiting.append(message)
        self.waiting_bytes += len(message)
        self.flush()

    def flush(self) -> None:
        """Raises OSError for one who is gone."""
        try:
            while self.waiting:
                self.socket.send(self.waiting[0])
                self.waiting_bytes -= len(self.waiting.pop(0))
        except BlockingIOError:
            pass


class Holder:
    """`master`, `fifo` and `listener` must not block. What they are is said at the top."""

    def __init__(self, master: int, fifo: int, listener: _socket.socket) -> None:
        self._master = master
        self._fifo = fifo
        self._listener = listener
        self._clients: dict[int, Client] = {}
        self._typed = b""  # for the program, which has no room for it yet
        self._unlogged = b""  # for the FIFO, which has no room for it yet
        self._half_line_end = b""  # a CR that may be the first half of CR LF
        self._tail = b""
        self._ended_at: float | None = None

    def run(self) -> None:
        """Until the program, and all that it has started on its terminal, is gone, and its last words are passed on."""
        while self._ended_at is None or (self._unlogged and monotonic() < self._ended_at + LAST_WORDS_SECONDS):
            interests = self._interests()
            poller = poll()
            for fd, events in interests.items():
                poller.register(fd, events)
            for fd, events in poller.poll(None if self._ended_at is None else LAST_WORDS_SECONDS * 1000):
                self._serve(fd, events)

    def _interests(self) -> dict[int, int]:
        """What we wait for. The program waits while the FIFO is full, and who types while the program does not read."""
        if self._ended_at is not None:
            return {self._fifo: POLLOUT}
        wanted = {self._listener.fileno(): POLLIN}
        wanted[self._master] = (0 if self._unlogged else POLLIN) | (POLLOUT if self._typed else 0)
        wanted[self._fifo] = POLLOUT if self._unlogged else 0
        for fd, client in self._clients.items():
            wanted[fd] = (0 if self._typed else POLLIN) | (POLLOUT if client.waiting else 0)
        return {fd: events for fd, events in wanted.items() if events}  # what is left out cannot wake us by its hang-up

    def _serve(self, fd: int, events: int) -> None:
        if fd == self._fifo:
            self._log(b"")
        elif fd == self._listener.fileno():
            self._accept()
        elif fd != self._master:
            self._serve_client(fd, events)
        elif events == POLLOUT:
            self._type(b"")
        else:
            self._hear()

    def _hear(self) -> None:
        """Take what the program has written."""
        try:
            data = os.read(self._master, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:  # EIO: nobody has the program's side open any more (pty(7))
            if error.errno != EIO:
                raise
            self._end()
            return
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        self._tell_all(SHOWN + data)
        self._log(data)

    def _end(self) -> None:
        self._log(b"", is_last=True)
        self._tell_all(ENDED)
        self._ended_at = monotonic()

    def _log(self, data: bytes, *, is_last: bool = False) -> None:
        data = self._half_line_end + data
        self._half_line_end = b"\r" if data.endswith(b"\r") and not is_last else b""
        self._unlogged += data[: len(data) - len(self._half_line_end)].replace(b"\r\n", b"\n")
        try:
            while self._unlogged:
                self._unlogged = self._unlogged[os.write(self._fifo, self._unlogged) :]
        except BlockingIOError:
            pass

    def _type(self, data: bytes) -> None:
        self._typed += data
        try:
            while self._typed:
                self._typed = self._typed[os.write(self._master, self._typed) :]
        except BlockingIOError:
            pass
        except OSError:
            self._typed = b""  # it has just ended: to read from it tells

    def _accept(self) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]
        except OSError:
            return  # gone already, or no room for one more fd
        socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fd)
        if len(self._clients) >= CLIENTS_MAX or not _is_welcome(socket):
            socket.close()
            return
        socket.setblocking(False)
        self._clients[fd] = Client(socket)
        self._tell(fd, SHOWN + _from_line_start(self._tail))
        self._tell_all(OTHERS + b"%d" % len(self._clients))

    def _serve_client(self, fd: int, events: int) -> None:
        client = self._clients.get(fd)
        if client is None:
            return  # hung up on in this round
        try:
            client.flush()
            message = client.socket.recv(MESSAGE_BYTES_MAX + 1) if events & ~POLLOUT else None
        except OSError:
            message = b""
        if message == b"":
            self._hang_up(fd)
        elif message is not None:
            self._obey(message)

    def _obey(self, message: bytes) -> None:
        if message[:1] == TYPED:
            self._type(message[1:])
        elif message[:1] == WINDOW and len(message) == 1 + SIZE.size:
            rows, columns = SIZE.unpack(message[1:])
            ioctl(self._master, TIOCSWINSZ, pack("HHHH", rows, columns, 0, 0))

    def _tell_all(self, message: bytes) -> None:
        for fd in list(self._clients):
            self._tell(fd, message)

    def _tell(self, fd: int, message: bytes) -> None:
        try:
            self._clients[fd].send(message)
        except OSError:
            self._hang_up(fd)

    def _hang_up(self, fd: int) -> None:
        self._clients.pop(fd).socket.close()


def _is_welcome(socket: _socket.socket) -> bool:
    """Whether it is our user's or root's (SO_PEERCRED, unix(7)); the folder's mode keeps the others out already."""
    credentials = socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, CREDENTIALS_BYTES)
    return int.from_bytes(credentials[4:8], "little") in (0, os.geteuid())


def _from_line_start(tail: bytes) -> bytes:
    """Without the half of a line, or of a character, with which a tail that was cut begins."""
    return tail[tail.find(b"\n") + 1 :] if len(tail) == TAIL_BYTES else tail
