"""The launcher: what it does before it becomes the program, seen from inside the program."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from procession.engines.supervisord.options import LAUNCH

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


def test_a_listener_on_fd_0_is_handed_over_as_fd_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = (
            "[os.environ['LISTEN_FDS'], os.environ['LISTEN_PID'] == str(os.getpid()), os.readlink('/proc/self/fd/0'),"
        )
        code += " os.readlink('/proc/self/fd/3')]"
        mine = os.readlink(f"/proc/self/fd/{listener.fileno()}")
        assert seen({"listener": True}, code, stdin=listener) == ["1", True, "/dev/null", mine]


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


@pytest.mark.parametrize("number", ["0", "1"])
def test_instance_0_of_a_listener_only_holds_it(number: str, tmp_path: Path) -> None:
    (tmp_path / "sleep").write_text("#!/bin/sh\necho holds $1\n")
    (tmp_path / "sleep").chmod(0o755)
    environment = {"PROCESSION_REPLICA": number, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    said = launch({"holder": True}, "'program'", env=environment).stdout
    assert said == ("holds infinity\n" if number == "0" else '"program"\n')
