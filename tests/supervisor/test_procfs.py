"""What other processes say of themselves in /proc is read with care: anybody may put anything into an environment."""

from __future__ import annotations

import subprocess
import sys

import pytest

from procession.supervisor.linux.procfs import Mark, read_mark

MARK = {"PROCESSION_DIRECTORY": "/x", "PROCESSION_INSTANCE": "web.1", "PROCESSION_LIFE": "7", "PROCESSION_PID": "4121"}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, Mark("/x", "web.1", 7, 4121)),
        ({"PROCESSION_LIFE": "9" * 5000}, None),  # more digits than int() takes
        ({"PROCESSION_PID": "seven"}, None),
        ({"PROCESSION_PID": "-1"}, None),
    ],
)
def test_a_mark_is_taken_only_if_it_makes_sense(said: dict[str, str], found: Mark | None) -> None:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "import sys; print(flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**MARK, **said},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()  # it has exec'd: its environment is its own
        mark = read_mark(process.pid)
    assert mark == found
