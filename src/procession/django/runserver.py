"""Django's development server on the socket that is fd 3, with a graceful end: manage.py, changed in a few places.

`python -m procession.django.runserver /path/manage.py runserver --noreload 127.0.0.1:8000`

- TERM: no new connection is taken (the supervisor keeps the socket, so they wait), and requests under way are answered.
- HUP: templates are read anew, which runserver's own reloader does for a template.
- READY=1 (sd_notify(3)) is said when it serves.
"""

from __future__ import annotations

import os
import runpy
import signal
import socket
import sys
import threading
from types import FrameType

from django.core.management import color
from django.core.servers import basehttp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

FIRST_FD = 3  # sd_listen_fds(3)
SILENT_SECONDS_MAX = 0.5


class UnderWay:
    """The requests that are to be answered before the end. A connection that is kept alive and idle counts for nothing.

    One that was just taken does, for a moment: its request may be on its way. (Browsers open some that they never use.)
    """

    def __init__(self) -> None:
        self._silent: set[socket.socket] = set()
        self._answering = 0
        self._changed = threading.Condition()

    def taken(self, connection: socket.socket) -> None:
        with self._changed:
            self._silent.add(connection)

    def begun(self, connection: socket.socket) -> None:
        with self._changed:
            self._silent.discard(connection)
            self._answering += 1

    def answered(self) -> None:
        with self._changed:
            self._answering -= 1
            self._changed.notify_all()

    def closed(self, connection: socket.socket) -> None:
        with self._changed:
            self._silent.discard(connection)
            self._changed.notify_all()

    def wait(self) -> None:
        """Until all are answered. Its limit is the stop ladder's."""
        with self._changed:
            self._changed.wait_for(lambda: not self._silent and not self._answering, SILENT_SECONDS_MAX)
            self._changed.wait_for(lambda: not self._answering)


class Leaving:
    """TERM ends the server at once, but not between taking a connection and giving it to a thread."""

    def __init__(self) -> None:
        self._is_busy = self._is_asked = False

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        self._is_asked = True
        if not self._is_busy:
            raise SystemExit(0)

    def __enter__(self) -> None:
        self._is_busy = True

    def __exit__(self, *_: object) -> None:
        self._is_busy = False
        if self._is_asked:
            raise SystemExit(0)


UNDER_WAY = UnderWay()
LEAVING = Leaving()


class CountingHandler(basehttp.ServerHandler):
    """Answers one request, and counts it meanwhile."""

    def run(self, application: WSGIApplication) -> None:
        UNDER_WAY.begun(self.request_handler.connection)  # type: ignore[attr-defined]  # WSGIRequestHandler sets it
        try:
            super().run(application)
        finally:
            UNDER_WAY.answered()


class InheritingServer(basehttp.WSGIServer):
    """Serves on the socket that it was given, which listens already."""

    def server_bind(self) -> None:
        self.socket.close()
        self.socket = socket.socket(fileno=FIRST_FD)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def server_activate(self) -> None:
        _tell_ready()

    def _handle_request_noblock(self) -> None:
        with LEAVING:
            super()._handle_request_noblock()  # type: ignore[misc]  # socketserver's own step of serve_forever

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        UNDER_WAY.taken(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        UNDER_WAY.closed(request)
        super().shutdown_request(request)


def main(argv: list[str]) -> None:
    """Run manage.py with these words; does not come back while it serves."""
    signal.signal(signal.SIGTERM, LEAVING.ask)
    signal.signal(signal.SIGHUP, _reset_templates)
    basehttp.ServerHandler = CountingHandler  # type: ignore[misc]
    basehttp.WSGIServer = InheritingServer  # type: ignore[misc]  # before runserver's module takes it from there
    if os.environ.get("FORCE_COLOR"):
        color.supports_color = lambda: True  # It asks whether stdout is a terminal, which it is at its other end.
    sys.path[0] = os.path.dirname(os.path.abspath(argv[0]))  # as `python manage.py` has it
    sys.argv = argv
    try:
        if argv[0].endswith(".py"):
            runpy.run_path(argv[0], run_name="__main__")
        else:
            runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
    finally:
        UNDER_WAY.wait()


def _tell_ready() -> None:
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    words = f"READY=1\nINSTANCE={os.environ.get('PROCESSION_INSTANCE', '')}"
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
        notify.sendto(words.encode(), address)


def _reset_templates(_number: int, _frame: FrameType | None) -> None:
    from django.apps import apps

    if apps.ready:  # before that, none has been read
        from django.template.autoreload import reset_loaders

        reset_loaders()


if __name__ == "__main__":
    main(sys.argv[1:])
