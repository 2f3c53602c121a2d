"""What `procession dashboard` becomes: the pages on a port of this machine's own, for who has the link.

Django without a site: no settings module, no database, no apps. It ends with Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import pwd
import secrets
import signal
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.urls import include, path

from procession.console import project
from procession.refusal import ExitCode
from procession.serving import serve_until

ADDRESS = "127.0.0.1"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False}},
}


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each request: a browser keeps connections open that it does not use yet."""

    daemon_threads = True


class Handler(WSGIRequestHandler):
    """Says nothing of a page that was asked for again."""

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def main() -> int:
    """Serve until Ctrl-C; the exit code."""
    options = _options()
    os.environ[project.STACK_DIRECTORY_VARIABLE] = options.stack_directory
    try:
        server = Server((ADDRESS, options.port), Handler)
    except OSError as error:
        print(f"error: cannot listen on {ADDRESS}:{options.port}: {error.strerror}", file=sys.stderr)
        print("    take another port: procession dashboard --port N; 0 is any", file=sys.stderr)
        return ExitCode.REFUSED
    token = _prepare(server.server_port, is_read_only=options.read_only)
    server.set_app(WSGIHandler())
    print(
        f"The processes of {options.stack_directory}, until Ctrl-C. The link works once:", file=sys.stderr, flush=True
    )
    print(f"http://{ADDRESS}:{server.server_port}/?token={token}", flush=True)
    serve_until(server, signal.SIGINT)
    return ExitCode.DONE


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="procession dashboard")
    parser.add_argument("--stack-directory", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--read-only", action="store_true")
    return parser.parse_args()


def _prepare(port: int, *, is_read_only: bool) -> str:
    """Set Django up; gives the token."""
    cookie = f"procession-{port}"
    settings.configure(
        ALLOWED_HOSTS=[ADDRESS, "localhost"],
        CSRF_COOKIE_NAME=f"{cookie}-csrf",
        LOGGING=LOGGING,
        SECRET_KEY=secrets.token_urlsafe(),
        USE_I18N=False,
        USE_TZ=True,
    )
    django.setup()
    from procession.dashboard.access import Visitor  # here, because they read the settings
    from procession.dashboard.routes import routes
    from procession.dashboard.token import TokenAccess

    access = TokenAccess(Visitor(_user(), may_operate=not is_read_only), cookie)
    settings.ROOT_URLCONF = (path("", include((routes(access), "procession"))),)
    return access.token


def _user() -> str:
    """Who sits there, for the history: who became root by sudo keeps the name."""
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
