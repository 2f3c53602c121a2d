"""What a backend takes for an option is what the installed program says that it accepts."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from procession.backends.arguments import check
from procession.backends.base import Backend
from procession.backends.option import Number, Option, Takes
from procession.backends.registry import find

FLAG = re.compile(r"(?<![\w-])--[a-z0-9][a-z0-9_-]*")
BOTH = re.compile(r"--\[no-\]([a-z0-9-]+)")  # waitress writes --[no-]ipv4


def backend(name: str) -> Backend:
    found = find(name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["gunicorn", "uvicorn", "granian", "hypercorn", "daphne", "waitress", "cheroot"])
def test_every_flag_of_the_help_is_accepted_and_a_slip_is_not(name: str) -> None:
    asked = subprocess.run([sys.executable, "-m", name, "--help"], capture_output=True, text=True, check=True)
    help_text = BOTH.sub(r"--\1 --no-\1", asked.stdout)
    whole = {flag for flag in FLAG.findall(help_text) if not flag.endswith("-")}  # The end of a line cuts some in two.
    flags = whole - {"--help", "--version"}
    assert len(flags) >= 10
    options = backend(name).options()
    accepted = {spelled for option in options for spelled in (*option.names, *option.opposites)}
    assert flags <= accepted
    for flag in sorted(flags):
        (problem,) = check([flag + "x"], options)
        assert problem.id == "E040"
        assert problem.fix.startswith("did you mean")


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("gunicorn", Option(("-b", "--bind"), Takes.REPEATED, also=("bind",))),
        ("gunicorn", Option(("--preload",), Takes.NOTHING, also=("preload_app",))),
        ("gunicorn", Option((), Takes.NOTHING, opposites=("--no-sendfile",), also=("sendfile",))),
        ("gunicorn", Option(("--keep-alive",), also=("keepalive",), number=Number.WHOLE)),
        ("uvicorn", Option(("--access-log",), Takes.NOTHING, opposites=("--no-access-log",))),
        ("uvicorn", Option(("--reload-dir",), Takes.REPEATED)),
        ("uvicorn", Option(("--ws-per-message-deflate",), Takes.TRUTH)),
        ("uvicorn", Option(("--port",), number=Number.WHOLE)),
        ("hypercorn", Option(("-w", "--workers"), number=Number.WHOLE)),
        ("celery-worker", Option(("--soft-time-limit",), number=Number.ANY)),
        ("granian", Option(("--host",), also=("address",))),
        ("granian", Option(("--ws",), Takes.NOTHING, opposites=("--no-ws",), also=("websockets",))),
        ("hypercorn", Option(("-b", "--bind"), Takes.REPEATED)),
        ("hypercorn", Option(("--reload",), Takes.NOTHING)),
        ("daphne", Option(("--websocket_timeout",))),
        ("daphne", Option(("-e", "--endpoint"), Takes.REPEATED)),
        ("waitress", Option(("--expose-tracebacks",), Takes.NOTHING, opposites=("--no-expose-tracebacks",))),
        ("waitress", Option(("--listen",), Takes.REPEATED)),
        ("cheroot", Option(("--threads",), number=Number.WHOLE)),
    ],
)
def test_what_an_option_takes_is_read_from_the_program(name: str, option: Option) -> None:
    assert option in backend(name).options()
