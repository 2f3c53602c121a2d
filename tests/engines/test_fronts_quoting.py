"""What is written for nginx or Caddy is the value that they have: asked of a real nginx, and of caddy adapt."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from procession.engines.fronts.engine import program
from procession.engines.text.fronts import caddy_value, nginx_value
from tests.console.project import await_true

MAIN = """\
user root; daemon off; master_process off; pid nginx.pid; error_log stderr;
events {}
http {
    access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u;
    scgi_temp_path s;
    server {
        listen unix:nginx.sock;
"""


def values(*refused: str) -> st.SearchStrategy[list[str]]:
    odd = st.sampled_from("%#;'\"\\ \t\n,=()[]`}!*~&@^|<>?n" + "$" * ("$" not in refused))
    some = st.characters(exclude_characters=["\0", *refused], exclude_categories=["Cs"])
    return st.lists(st.text(alphabet=odd | some, max_size=20), min_size=20, max_size=40)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=values("$"))
@pytest.mark.root
def test_nginx_has_the_value_that_was_said(tmp_path_factory: pytest.TempPathFactory, said: list[str]) -> None:
    directory = tmp_path_factory.mktemp("nginx")
    lines = [
        f"        location = /{number} {{ return 200 {nginx_value(value)}; }}" for number, value in enumerate(said)
    ]
    (directory / "main.conf").write_text("\n".join([MAIN, *lines, "    }", "}", ""]), newline="")
    with nginx(directory):
        assert [answer(directory / "nginx.sock", number) for number in range(len(said))] == said


@contextmanager
def nginx(directory: Path) -> Iterator[None]:
    argv = [program("nginx"), "-p", str(directory), "-e", "stderr", "-c", str(directory / "main.conf")]
    with subprocess.Popen(argv, cwd=directory) as server:
        try:
            await_true(lambda: is_there(directory / "nginx.sock") or server.poll() is not None, "nginx listens")
            yield
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


def is_there(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True


def answer(path: Path, number: int) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(f"GET /{number} HTTP/1.0\r\n\r\n".encode())
        with connection.makefile("rb") as file:
            return file.read().partition(b"\r\n\r\n")[2].decode()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=values("{"))
def test_caddy_has_the_value_that_was_said(tmp_path: Path, said: list[str]) -> None:
    known = [value for value in said if can_quote(value)]
    assume(known)
    file = tmp_path / "Caddyfile"
    lines = [f"    respond /{number:03} {caddy_value(value)} 200" for number, value in enumerate(known)]
    file.write_text("\n".join([":80 {", *lines, "}", ""]), newline="")
    argv = [program("caddy"), "adapt", "--adapter", "caddyfile", "--config", str(file)]
    done = subprocess.run(argv, capture_output=True, check=True)
    [server] = json.loads(done.stdout)["apps"]["http"]["servers"].values()
    bodies = {route["match"][0]["path"][0]: route["handle"][0].get("body", "") for route in server["routes"]}
    assert [bodies[f"/{number:03}"] for number in range(len(known))] == known


def can_quote(value: str) -> bool:
    return value != "}" and not ("`" in value and ('"' in value or value.endswith("\\")))


@pytest.mark.parametrize("value", ["{x}", "}", '`"', "`\\"])
def test_what_caddy_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="Caddy cannot"):
        caddy_value(value)
