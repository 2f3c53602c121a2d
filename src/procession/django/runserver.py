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


class UnderWay:
    """How many requests are being answered: a connection that is kept alive and has none counts for nothing."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Until none is left. Its limit is the stop ladder's."""
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0)


UNDER_WAY = UnderWay()


class CountingHandler(basehttp.ServerHandler):
    """Answers one request, and counts it meanwhile."""

    def run(self, application: WSGIApplication) -> None:
        with UNDER_WAY:
            super().run(application)


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


def main(argv: list[str]) -> None:
    """Run manage.py with these words; does not come back while it serves."""
    signal.signal(signal.SIGTERM, _leave)
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


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _reset_templates(_number: int, _frame: FrameType | None) -> None:
    from django.apps import apps

    if apps.ready:  # before that, none has been read
        from django.template.autoreload import reset_loaders

        reset_loaders()


if __name__ == "__main__":
    main(sys.argv[1:])
