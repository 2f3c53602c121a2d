"""The launcher: what it does before it becomes the program, seen from inside the program."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from procession.engines.supervisord.options import HOLD, LAUNCH
from tests.console.project import await_true

SHOW = "import json, os, resource, sys; print(json.dumps({})); sys.stdout.flush()"


def launch(what: dict[str, Any] | str, code: str = "None", **named: Any) -> subprocess.CompletedProcess[str]:
    """Run a program that prints `code` as JSON."""
    text = what if isinstance(what, str) else json.dumps(what)
    argv = [sys.executable, "-I", "-S", LAUNCH, text, sys.executable, "-I", "-S", "-c", SHOW.replace("{}", code)]
    named = {"stdin": subprocess.DEVNULL, **named}
    return subprocess.run(argv, capture_output=True, text=True, check=False, **named)


def seen(what: dict[str, Any] | str, code: str, **named: Any) -> object:
    done = launch(what, code, **named)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_declared_variables_win_over_env_files_and_these_over_what_is_inherited(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("DECLARED=file\nINHERITED=file\nFILE='a b'\n")
    what = {"env_files": [str(tmp_path / "a.env")], "declared": ["DECLARED"], "environment": {"ODD": "a\nb"}}
    names = ("DECLARED", "INHERITED", "FILE", "ODD")
    found = seen(what, f"[os.environ[name] for name in {names}]", env={"DECLARED": "said", "INHERITED": "x"})
    assert found == ["said", "file", "a b", "a\nb"]


def test_an_env_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = launch({"env_files": [str(tmp_path / "no.env")]})
    assert done.returncode == 127
    assert "no.env" in done.stderr


@contextmanager
def held(directory: Path, number: str = "0") -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """A listener, and who holds it; its path is longer than a socket's may be."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        argv = [sys.executable, "-I", "-S", HOLD, str(directory / "web.listener"), number]
        with subprocess.Popen(argv, stdin=listener.fileno()) as holder:
            yield listener, holder
            holder.kill()


def test_a_listener_that_is_held_is_handed_over_as_fd_3(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 120)
    directory.mkdir()
    code = "[os.environ['LISTEN_FDS'], os.environ['LISTEN_PID'] == str(os.getpid()), os.readlink('/proc/self/fd/3'),"
    code += " len(os.listdir('/proc/self/fd'))]"
    with held(directory) as (listener, _):
        mine = os.readlink(f"/proc/self/fd/{listener.fileno()}")
        for _ in range(2):  # as often as one asks, and nothing else is left open: 0 to 3, and the listing's own
            assert seen({"listener": str(directory / "web.listener")}, code) == ["1", True, mine, 5]


def test_the_other_holder_only_keeps_it_open(tmp_path: Path) -> None:
    with held(tmp_path, "1") as (_, holder):
        path = Path(f"/proc/{holder.pid}/comm")
        await_true(lambda: path.read_text() == "sleep\n", "it has become sleep")
    assert list(tmp_path.iterdir()) == []


def test_readiness_is_told_in_a_file_that_is_empty_at_first(tmp_path: Path) -> None:
    ready = tmp_path / "web.1"
    ready.write_text("READY=1 of the last life")
    assert seen({"ready": str(ready)}, "os.environ['PROCESSION_NOTIFY']") == f"file:{ready}"
    assert ready.read_text() == ""


def test_its_place_and_limits(tmp_path: Path) -> None:
    what = {"directory": str(tmp_path), "umask": 0o27, "limits": {"NOFILE": 100}, "nice": 1, "no_new_privs": True}
    privileges = "'NoNewPrivs:\\t1' in open('/proc/self/status').read()"
    code = f"[os.getcwd(), os.umask(0), resource.getrlimit(resource.RLIMIT_NOFILE)[0], {privileges}]"
    assert seen(what, code) == [str(tmp_path), 0o27, 100, True]


def test_what_it_does_may_stand_in_a_file_with_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "what.json"
    file.write_text('# procession: ...\n{"environment": {"A": "1"}}\n')
    assert seen(f"@{file}", "os.environ['A']") == "1"


def test_one_alone_holds_the_lock_and_its_tree_keeps_it(tmp_path: Path) -> None:
    what = {"lock": str(tmp_path / "beat.lock")}
    tree = ("sh", "-c", "sh -c 'echo here; read -r _'; true")  # it is the child that waits
    argv = [sys.executable, "-I", "-S", LAUNCH, json.dumps(what), *tree]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "here\n"
        done = launch(what)
        assert done.returncode == 1
        assert "another one is running" in done.stderr
        first.communicate("go\n")
    assert launch(what).returncode == 0
