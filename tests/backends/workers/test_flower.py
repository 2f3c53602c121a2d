"""Flower for real: it answers its readiness probe, and TERM ends it well."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request

from procession.backends.base import Profile
from procession.stack.model import Declaration
from tests.backends.workers.conftest import MakeRunner
from tests.backends.workers.stage import WITHIN_SECONDS, Instance, explained, skip_without


def test_flower_answers_its_probe_and_ends_at_term(make_runner: MakeRunner) -> None:
    skip_without("flower")
    runner = make_runner("celery")
    port = free_port()
    args = {"address": "127.0.0.1", "port": port, "url-prefix": "flower"}
    flower = runner.start("celery-flower", Declaration(args=args))
    with explained(flower):
        assert flower.command.listeners[0].bind == f"127.0.0.1:{port}"
        assert status_when_it_listens(flower, flower.profile, port) == 200
        flower.stop()
        assert flower.exit() == 0
        assert flower.left_behind() == []


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def status_when_it_listens(flower: Instance, profile: Profile, port: int) -> int:
    """The status of its readiness path, asked again while nobody listens, as the supervisor does."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline and not flower.has_ended(within_seconds=0.1):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{profile.readiness.path}", timeout=5) as answer:
                status: int = answer.status
                return status
        except urllib.error.URLError:
            continue
    raise TimeoutError("nobody listens")
