"""A person writes it wrong while the site runs: all is told at once, with the documented code, and the site runs on."""

from __future__ import annotations

import os
import subprocess
import sys
from socket import create_server

import pytest

from tests.backends.serving import free_port
from tests.console.project import SLEEPER, Ended, Project, await_true
from tests.e2e.site import make_site, pids, write_settings

GOOD = 'PRODUCTION_PROCESSES = {"tick": {"COMMAND": "sleep 1000"}, "tock": {"COMMAND": "sleep 1000"}}\n'
ALL_WRONG = """
PRODUCTION_PROCESSES = {
    "web": {
        "BACKEND": "gunicorn", "STOP_TIMEOUT": "soon", "REPLICS": 2, "DIRECTORY": "nowhere", "DEPENDS_ON": ["worker"],
        "ARGS": {"bind": "127.0.0.1:8000", "wrokers": 3, "timeout": "long"},
    },
    "worker": {
        "BACKEND": "celery-worker", "APP": "myproject.celery", "ENV_FILE": "none.env", "DEPENDS_ON": ["web"],
        "ARGS": {"concurency": 3},
    },
    "nothing": {"ARGS": {}},
    "slip": {"BACKEND": "gunicron", "ENV_FILE": "bad.env"},
    "a b": {"COMMAND": "sleep 1000"},
    "port": {"BACKEND": "gunicorn", "ARGS": {"bind": "0.0.0.0:8000"}},
    "types": {"COMMAND": "sleep 1000", "REPLICAS": "many", "ENV": ["A"], "LIMITS": {"memory": "lots"}, "UMASK": 999},
    "gone": {"COMMAND": "no-such-program --now", "DEPENDS_ON": ["nobody"], "READINESS": "htp", "STOP": "TREM"},
    "script": {"COMMAND": "./none.sh"},
    "socket": {"BACKEND": "gunicorn", "ARGS": {"bind": "unix:/tmp/" + "x" * 120}},
    "text": "gunicorn",
}
"""
TOLD = """\
web.stop_timeout: must be a duration, got "soon" [E003] write seconds, or "30s", "5m", "1.5h"
web.replics: is no key that Procession knows [E001] did you mean "REPLICAS"?
web.args.wrokers: no such option [E040] did you mean "workers"?
web.args.timeout: must be a whole number, got 'long' [E049] write it in digits
web.directory: there is no such directory: {site}/nowhere [E027] make it, or correct the path
web.depends_on: goes round in a circle: web -> worker -> web [E017] take one of these dependencies out
worker.args.concurency: no such option [E040] did you mean "concurrency"?
worker.env_file: there is no such file: {site}/none.env [E037] write it, or leave it out
nothing: has neither BACKEND nor COMMAND [E010] add: "BACKEND": "gunicorn", or a COMMAND
slip.backend: there is no backend "gunicron" [E011] did you mean "gunicorn"?
slip.env_file: {site}/bad.env is not valid UTF-8: byte 0xff in line 2 [E037] save the file as UTF-8
a b: is no name for a process: "a b" [E008] use letters, digits, - and _ (40 at most; a letter first, no - or _ last)
port: listens on 0.0.0.0:8000, and so does "web" (127.0.0.1:8000) [E020] give one of them another address
types.replicas: must be a whole number, got "many" [E002]
types.env: must be a mapping, got ['A'] [E002] write: {{"NAME": "value"}}
types.limits.memory: must be a size, got "lots" [E004] write bytes, or "512K", "200M", "2G"
types.umask: must be an octal file mode mask, got 999 [E006] write: "027"
gone.depends_on: there is no process "nobody" [E018] declared are:
gone.readiness: must be a mapping, a path or a type, got "htp" [E007] did you mean "http"?
gone.stop: must be a signal, got "TREM" [E005] did you mean "TERM"?
gone.command: command not found: "no-such-program" [E028] install it, or write its path
script.command: there is no such program: {site}/none.sh [E028] correct the path
socket: a unix socket's path has at most 107 bytes, this one 125: unix:/tmp/{xs} [E022] choose a shorter path
text: must be a mapping, got "gunicorn" [E002] write: {{"KEY": value, ...}}
"""


@pytest.fixture
def running(project: Project) -> Project:
    make_site(project, GOOD)
    project.ok("up", "-d")
    return project


def test_every_mistake_is_told_at_once_with_its_place_and_its_remedy(running: Project) -> None:
    before = pids(running)
    write_settings(running, ALL_WRONG)
    (running.directory / "bad.env").write_bytes(b"A=1\nB=\xff\n")
    expected = TOLD.format(site=running.directory, xs="x" * 120).splitlines()
    for verb, stream in ((("check",), "out"), (("update",), "err"), (("up", "-d"), "err")):
        ended = running.run(*verb)
        assert ended.code == 1, ended
        told = told_in(ended.out if stream == "out" else ended.err)
        assert sorted(line.partition("[")[0] for line in told) == sorted(line.partition("[")[0] for line in expected)
        for line in expected:
            assert any(other.startswith(line) for other in told), (line, told)
    assert f"{len(expected)} problems" in running.run("check").out
    assert pids(running) == before


def told_in(text: str) -> list[str]:
    """Each problem as one line: what is wrong, its id, and what to do; where it was written is looked at here."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("error: "):
            what, _, id = line.removeprefix("error: ").rpartition("[procession.")
            found.append(f"{what.strip()} [{id}")
        elif line.startswith("    from PRODUCTION_PROCESSES["):
            place, _, fix = line.partition(" · ")
            assert place.endswith(" in myproject.settings")
            found[-1] += f" {fix}" if fix else ""
    return found


def test_prodserver_tells_those_of_its_process_alone(running: Project) -> None:
    write_settings(running, ALL_WRONG)
    ended = manage(running, "prodserver", "web")
    assert ended.code == 1
    assert [line.partition(":")[0] for line in ended.err.splitlines() if "[procession." in line] == [
        "CommandError",
        "web.replics",
        "web.args.wrokers",
        "web.args.timeout",
        "web.directory",
    ]


SETTINGS_THAT_FAIL = [
    (b"import os\nX = os.environ['NO_SUCH_VARIABLE']\n", 1, "KeyError: 'NO_SUCH_VARIABLE'"),
    (b"import no_such_module\n", 1, "ModuleNotFoundError: No module named 'no_such_module'"),
    (b"X = (\n", 1, "SyntaxError: '(' was never closed"),
    (b"X = '\xff'\n", 1, "can't decode byte 0xff"),
    (b"import sys\nsys.exit(3)\n", 1, "it calls sys.exit(3)"),
    (b"import os\nos._exit(3)\n", 4, "ended with 3 and without an answer"),
]


@pytest.mark.parametrize(("end", "code", "why"), SETTINGS_THAT_FAIL, ids=[why for _, _, why in SETTINGS_THAT_FAIL])
def test_settings_that_do_not_import_are_shown_by_their_own_line(
    running: Project, end: bytes, code: int, why: str
) -> None:
    before = pids(running)
    write_settings(running, GOOD.encode() + end)
    for verb in (["update"], ["up", "-d"]):
        ended = running.run(*verb)
        assert ended.code == code, ended
        assert why in ended.err
        assert len(ended.err.splitlines()) <= 6, "short: the frames of Django and of Python are left out"
        assert code == 4 or "myproject/settings.py:" in ended.err
    assert pids(running) == before


FILES_THAT_FAIL = [
    (b'[processes.web]\ncommand = "\xff"\n', "procession.toml: is not valid UTF-8: byte 0xff in line 2"),
    (b"[processes.web\n", "procession.toml: is not valid TOML"),
    (b"", "processes: declares no process"),
    (b'[process.web]\ncommand = "sleep 1"\n', 'did you mean "processes"?'),
    (None, "found no procession.toml"),
]


@pytest.mark.parametrize(("text", "why"), FILES_THAT_FAIL, ids=[why for _, why in FILES_THAT_FAIL])
def test_a_file_that_cannot_be_read_changes_nothing(project: Project, text: bytes | None, why: str) -> None:
    project.declare(f"[processes.tick]\n{SLEEPER}")
    project.ok("up", "-d")
    before = pids(project)
    file = project.directory / "procession.toml"
    file.unlink() if text is None else file.write_bytes(text)
    for verb in (["check"], ["update"], ["up", "-d"]):
        ended = project.run(*verb)
        assert ended.code == 1, ended
        assert why in ended.out + ended.err
    assert "nothing was changed; what was running keeps running" in project.run("update").err
    assert pids(project) == before


def test_an_env_file_that_goes_bad_is_told_by_update_before_anything_is_restarted(project: Project) -> None:
    project.declare(f'[processes.tick]\n{SLEEPER}env_file = "site.env"\n')
    env_file = project.directory / "site.env"
    env_file.write_text("A=1\n")
    project.ok("up", "-d")
    before = pids(project)
    env_file.write_bytes(b"A=1\nB=\xff\xfe\n")
    ended = project.run("update")
    assert ended.code == 1, ended
    assert "site.env is not valid UTF-8: byte 0xff in line 2" in ended.err
    assert pids(project) == before


def test_output_that_is_no_utf8_is_kept_and_shown(project: Project) -> None:
    project.declare('[processes.odd]\ncommand = ["sh", "-c", "printf \'a\\\\377b\\\\000c\\\\n\'; exec sleep 1000"]\n')
    project.ok("up", "-d")
    log = project.stack_directory / "log" / "odd.1.log"
    await_true(lambda: log.exists() and b"a\xffb\0c\n" in log.read_bytes(), "the line is kept as it was")
    for more in ([], ["--json"]):
        child = subprocess.run(
            [sys.executable, "-m", "procession", "logs", "odd", *more],
            cwd=project.directory, env=project.environment(), capture_output=True, check=False,
        )  # fmt: skip
        assert child.returncode == 0, child.stderr
        assert child.stdout.count(b"\n") == 1


def test_a_port_that_is_taken_is_told_with_its_holder_and_the_rest_runs(project: Project) -> None:
    port = free_port()
    make_site(
        project,
        f'PRODUCTION_PROCESSES = {{"tick": {{"COMMAND": "sleep 1000"}}, "web": {{"BACKEND": "gunicorn",'
        f' "ARGS": {{"bind": "127.0.0.1:{port}"}}}}}}',
    )
    with create_server(("127.0.0.1", port)):
        ended = project.run("up", "-d")
        assert ended.code == 1, ended
        assert f"error: web.1: crash-looping: cannot listen on 127.0.0.1:{port}: address in use" in ended.err
        assert f"in use by pid {os.getpid()} (" in ended.err
        assert project.instance("tick.1")["phase"] == "ready"
    project.ok("start", "web")
    assert project.instance("web.1")["phase"] == "ready"


def manage(project: Project, *arguments: str) -> Ended:
    child = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=project.directory, env=project.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Ended(child.returncode, child.stdout, child.stderr)
