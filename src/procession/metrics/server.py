"""A small HTTP server for one page, /metrics. While nobody asks, it sleeps in the kernel."""

from __future__ import annotations

import signal
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socket import AF_INET6
from socketserver import TCPServer, ThreadingMixIn

from procession.metrics.exposition import CONTENT_TYPE
from procession.refusal import ExitCode, Refusal
from procession.serving import serve_until

CLIENT_SECONDS_MAX = 10.0  # for who connects and says nothing


class _Server(ThreadingMixIn, TCPServer):
    """A thread for each request, so that one that waits for the queues keeps no other waiting."""

    allow_reuse_address = True
    daemon_threads = True
    text: Callable[[], str]


class _Server6(_Server):
    address_family = AF_INET6


class _Handler(BaseHTTPRequestHandler):
    timeout = CLIENT_SECONDS_MAX
    server_version = "procession"
    sys_version = ""

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        if self.path.partition("?")[0] != "/metrics":
            self._answer(404, "text/plain; charset=utf-8", "The metrics are at /metrics.\n")
            return
        self._answer(200, CONTENT_TYPE, self.server.text())

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: int, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing of a page that was asked for again."""


def serve(address: tuple[str, int], text: Callable[[], str]) -> int:
    """Serve what `text` gives until Ctrl-C or SIGTERM; the exit code. Port 0 is any. Raises Refusal."""
    is_v6 = ":" in address[0]
    host = f"[{address[0]}]" if is_v6 else address[0]
    try:
        server = (_Server6 if is_v6 else _Server)(address, _Handler)
    except OSError as error:
        what = f"cannot listen on {host}:{address[1]}: {error.strerror or error}"
        raise Refusal(what, "take another address, or another port; 0 is any", code=ExitCode.REFUSED) from error
    server.text = text
    print(f"http://{host}:{server.server_address[1]}/metrics", flush=True)
    serve_until(server, signal.SIGINT, signal.SIGTERM)
    return ExitCode.DONE
