"""A real SMTP server and a real web server, in a process of their own: what comes is told on stdout, as JSON lines.

    python -m tests.alerts.receiver FOLDER

The first line says the ports: {"smtp": 40123, "http": 40124}. While the file FOLDER/refuse is there, nothing is taken:
SMTP answers 451, HTTP 503; what was refused is told, too. /moved answers with a redirect, /slow never answers.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

FOLDER = Path(sys.argv[1])
SAYING = threading.Lock()
NEVER = threading.Event()


def say(said: dict[str, Any]) -> None:
    with SAYING:
        print(json.dumps(said), flush=True)


def is_refused() -> bool:
    return (FOLDER / "refuse").exists()


class Mails:
    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body()
        say(
            {
                "by": "smtp", "taken": not is_refused(), "to": envelope.rcpt_tos, "headers": dict(mail.items()),
                "type": mail.get_content_type(), "text": body.get_content().replace("\r\n", "\n") if body else "",
            }
        )  # fmt: skip
        return "451 come again" if is_refused() else "250 OK"


class Posts(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/slow":
            NEVER.wait()
        status = 302 if self.path == "/moved" else 503 if is_refused() else 204
        say(
            {
                "by": "http", "taken": status == 204, "path": self.path, "headers": dict(self.headers.items()),
                "body": body.decode(),
            }
        )  # fmt: skip
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    web = ThreadingHTTPServer(("127.0.0.1", 0), Posts)
    web.daemon_threads = True
    threading.Thread(target=web.serve_forever, daemon=True).start()
    loop = asyncio.new_event_loop()
    controller = Controller(Mails(), hostname="127.0.0.1", port=0, loop=loop)
    server = loop.run_until_complete(loop.create_server(controller._factory_invoker, "127.0.0.1", 0))
    say({"smtp": server.sockets[0].getsockname()[1], "http": web.server_port})
    threading.Thread(target=loop.run_forever, daemon=True).start()
    sys.stdin.read()  # until whoever started us has gone


if __name__ == "__main__":
    main()
