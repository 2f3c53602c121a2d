"""A declaration and this machine -> a complete Stack, or everything that is wrong with it."""

from __future__ import annotations

import grp
import os
import pwd
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from procession.errors import Problem
from procession.load import load, stack_name
from procession.sources.procfile import read_procfile
from procession.sources.settings import read_settings
from procession.stack.codec import from_data, to_data
from procession.stack.model import (
    Condition,
    Dependency,
    Kind,
    Listener,
    Probe,
    ProbeType,
    Process,
    RestartWhen,
    Site,
    Stack,
    StopStep,
)
from procession.supervisor.linux import cgroups

WEB = 'from PRODUCTION_PROCESSES["web"]'


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(
        directory=str(tmp_path), python=sys.executable, settings_module="mysite.settings", wsgi="mysite.wsgi:app"
    )


def lines(problems: list[Problem]) -> list[str]:
    return [" ".join(line.split()) for problem in problems for line in problem.lines()]


def complete(site: Site, processes: dict[str, object], stack: object = None) -> Stack:
    loaded, problems = load(read_settings(processes, stack, "mysite.settings"), site)
    assert lines(problems) == []
    assert loaded is not None
    return loaded


def wrong(site: Site, processes: dict[str, object], stack: object = None) -> list[str]:
    loaded, problems = load(read_settings(processes, stack, "mysite.settings"), site)
    assert loaded is None
    return lines(problems)


def one(site: Site, raw: dict[str, object], stack: object = None) -> Process:
    return complete(site, {"web": raw}, stack).processes[0]


OLD: dict[str, object] = {
    "web": {
        "BACKEND": "django_prodserver.backends.gunicorn.GunicornServer",
        "ARGS": {"bind": "0.0.0.0:8000", "workers": "8", "timeout": "60"},
    },
    "worker": {
        "BACKEND": "django_prodserver.backends.celery.CeleryWorker",
        "APP": "myproject.celery.app",
        "ARGS": {"concurrency": "8", "loglevel": "info", "max-tasks-per-child": "1000"},
    },
    "beat": {
        "BACKEND": "django_prodserver.backends.celery.CeleryBeat",
        "APP": "myproject.celery.app",
        "ARGS": {"loglevel": "info"},
    },
}


def test_a_declaration_for_django_prodserver_is_complete_as_it_is(site: Site) -> None:
    stack = complete(site, OLD)
    web, worker, beat = stack.processes
    assert (web.backend, worker.backend, beat.backend) == ("gunicorn", "celery-worker", "celery-beat")
    assert web.argv[:4] == (sys.executable, "-m", "gunicorn", "mysite.wsgi:app")
    assert {"--bind=0.0.0.0:8000", "--workers=8", "--timeout=60"} <= set(web.argv)
    assert [listener.bind for listener in web.listeners] == ["0.0.0.0:8000"]
    assert worker.argv == (
        sys.executable, "-m", "celery", "-A", "myproject.celery.app", "worker",
        "--concurrency=8", "--loglevel=info", "--max-tasks-per-child=1000",
    )  # fmt: skip
    assert (worker.stop[0].signal, worker.stop[-1].signal) == ("TERM", "QUIT")
    assert beat.singleton
    assert not worker.singleton
    assert web.environment["DJANGO_SETTINGS_MODULE"] == "mysite.settings"
    assert from_data(Stack, to_data(stack)) == stack


def test_blanks_are_filled(site: Site) -> None:
    web = one(site, {"COMMAND": "sleep 60"})
    assert web.argv[0].startswith("/")
    assert web.argv[0].endswith("/sleep")
    assert (web.directory, web.replicas, web.restart) == (site.directory, 1, RestartWhen.ALWAYS)
    assert web.readiness.type is ProbeType.NONE
    assert web.origin.key == 'PRODUCTION_PROCESSES["web"]'


def test_python_is_the_sites(site: Site) -> None:
    assert one(site, {"COMMAND": "python -c pass"}).argv == (sys.executable, "-c", "pass")


def test_a_program_of_the_sites_environment_comes_first(site: Site, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("python", "sleep"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(0o755)
    own = Site(directory=site.directory, python=str(tmp_path / "bin" / "python"))
    assert one(own, {"COMMAND": "sleep 60"}).argv[0] == str(tmp_path / "bin" / "sleep")


def test_a_management_command_may_be_a_command(site: Site) -> None:
    migrate = one(site, {"BACKEND": "manage", "COMMAND": "migrate --noinput"})
    assert migrate.argv[-2:] == ("migrate", "--noinput")
    assert (migrate.kind, migrate.restart) == (Kind.TASK, RestartWhen.NEVER)


def test_paths_are_from_the_projects_directory(site: Site, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "run").write_text("#!/bin/sh\n")
    (tmp_path / "app" / "run").chmod(0o755)
    (tmp_path / ".env").write_text("A=1")
    web = one(site, {"COMMAND": "./run", "DIRECTORY": "app", "ENV_FILE": ".env"})
    assert web.argv == (str(tmp_path / "app" / "run"),)
    assert (web.directory, web.env_files) == (str(tmp_path / "app"), (str(tmp_path / ".env"),))


def test_a_dependency_on_a_task_is_that_it_completes(site: Site) -> None:
    stack = complete(
        site,
        {
            "web": {"COMMAND": "sleep 1", "DEPENDS_ON": ["migrate", "cache"]},
            "cache": {"COMMAND": "sleep 1"},
            "migrate": {"COMMAND": "true", "TYPE": "task"},
        },
    )
    assert [process.name for process in stack.processes] == ["cache", "migrate", "web"]
    migrate, web = stack.processes[1:]
    assert web.depends_on == (Dependency("migrate", Condition.COMPLETED), Dependency("cache", Condition.READY))
    assert (migrate.kind, migrate.restart, migrate.readiness.type) == (Kind.TASK, RestartWhen.NEVER, ProbeType.NONE)


LADDERS = [
    ({}, (("TERM", 30.0), ("QUIT", 2.0)), "--graceful-timeout=30"),
    ({"STOP_TIMEOUT": 12}, (("TERM", 12.0), ("QUIT", 2.0)), "--graceful-timeout=12"),
    ({"STOP": [["INT", 9], ["QUIT", 1]]}, (("INT", 9.0), ("QUIT", 1.0)), "--graceful-timeout=9"),
    ({"STOP": "INT", "STOP_TIMEOUT": 8}, (("INT", 8.0),), "--graceful-timeout=8"),
    ({"ARGS": {"graceful-timeout": 7}}, (("TERM", 7.0), ("QUIT", 2.0)), "--graceful-timeout=7"),
]


@pytest.mark.parametrize(("raw", "ladder", "flag"), LADDERS, ids=[str(raw) for raw, _, _ in LADDERS])
def test_one_stop_timeout_derives_the_servers_own(
    site: Site, raw: dict[str, object], ladder: tuple[tuple[str, float], ...], flag: str
) -> None:
    web = one(site, {"BACKEND": "gunicorn", **raw})
    assert web.stop == tuple(StopStep(*step) for step in ladder)
    assert flag in web.argv


def test_what_is_said_of_a_probe_lies_over_the_backends(site: Site) -> None:
    web = one(site, {"BACKEND": "gunicorn", "READINESS": {"within": 5}, "LIVENESS": "/live/"})
    plain = one(site, {"BACKEND": "gunicorn"})
    assert web.readiness == replace(plain.readiness, within_seconds=5.0)
    assert web.liveness is not None
    assert (web.liveness.type, web.liveness.path) == (ProbeType.HTTP, "/live/")
    assert one(site, {"BACKEND": "gunicorn", "LIVENESS": "none"}).liveness is None


def test_startup_and_liveness_ask_as_readiness_does_but_for_as_long_as_it_lives(site: Site) -> None:
    """A web server's own readiness is asked only until it is good once: that is not for the others to inherit."""
    web = one(site, {"BACKEND": "gunicorn", "STARTUP": {"within": "5m"}, "LIVENESS": {"interval": 10}})
    assert web.readiness.failures == 0
    assert web.startup == Probe(status_below=500, within_seconds=300.0)
    assert web.liveness == Probe(status_below=500, interval_seconds=10.0)
    plain = one(site, {"BACKEND": "gunicorn"})
    assert (plain.startup, plain.liveness) == (None, None)
    assert one(site, {"BACKEND": "gunicorn", "STARTUP": False}).startup is None


def test_where_the_app_tells_readiness_liveness_is_asked_all_the_same(site: Site) -> None:
    web = one(replace(site, has_app=True), {"BACKEND": "gunicorn", "LIVENESS": {"interval": 10}})
    assert web.readiness.type is ProbeType.APP
    assert web.liveness == Probe(interval_seconds=10.0)


def test_a_server_that_takes_no_socket_is_asked_where_it_binds(site: Site) -> None:
    web = one(site, {"COMMAND": "gunicorn mysite.wsgi --bind 127.0.0.1:$PORT", "ENV": {"PORT": 8123}})
    assert (web.backend, [listener.bind for listener in web.listeners], web.handoff) == (
        "gunicorn",
        ["127.0.0.1:8123"],
        (),
    )
    assert web.readiness.address == "127.0.0.1:8123"


RECOGNISED = [
    ("gunicorn mysite.wsgi", "gunicorn", ("TERM", "QUIT")),
    ("python -m gunicorn mysite.wsgi", "gunicorn", ("TERM", "QUIT")),
    ("python manage.py rqworker high low", "rq", None),
    ("celery -A x worker -l info", "celery-worker", ("TERM", "QUIT")),
    ("env A=1 celery -A x beat", "celery-beat", ("TERM",)),
    ("python -u -m celery -A x flower", "celery-flower", None),
    ("sh -c 'cd / && exec celery -A x beat'", "celery-beat", ("TERM",)),
    ("sleep 60", "command", ("TERM",)),
    ("sh -c 'celery -A x beat | cat'", "command", ("TERM",)),
]


@pytest.mark.parametrize(("command", "backend", "ladder"), RECOGNISED, ids=[case[0] for case in RECOGNISED])
def test_a_command_that_runs_a_known_server_is_treated_as_one(
    site: Site, command: str, backend: str, ladder: tuple[str, ...] | None
) -> None:
    written = read_settings({"web": {"COMMAND": command}}, None, "mysite.settings")
    stack, _ = load(written, site)
    assert stack is not None
    [web] = stack.processes
    assert web.backend == backend
    assert web.singleton is (backend == "celery-beat")
    assert ladder is None or tuple(step.signal for step in web.stop) == ladder
    plain, _ = load(read_settings({"web": {"COMMAND": ["env", *web.argv]}}, None, "mysite.settings"), site)
    assert plain is not None
    assert plain.processes[0].argv[1:] == web.argv


def test_a_procfile_with_a_release_phase(site: Site, tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text(
        "release: python manage.py migrate\nweb: cd . && gunicorn x -b :$PORT\nbeat: celery -A x beat\n"
    )
    stack, problems = load(read_procfile(str(tmp_path / "Procfile"), {}), site)
    assert problems == []
    assert stack is not None
    release, web, beat = stack.processes
    assert release.argv == (sys.executable, "manage.py", "migrate")
    assert web.argv[:2] == ("/bin/sh", "-c")
    assert web.argv[2] == f"PATH={os.path.dirname(sys.executable)}:$PATH; cd . && exec gunicorn x -b :$PORT"
    assert web.depends_on == (Dependency("release", Condition.COMPLETED),)
    assert beat.singleton


def test_what_is_wrong_on_this_machine_is_said_at_once(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "latin.env").write_bytes(b"A=1\nB=\xe9\n")
    processes: dict[str, object] = {
        "web": {"BACKEND": "gunicron"},
        "two": {"COMMAND": "no-such-program --x"},
        "three": {"COMMAND": "./file"},
        "four": {"COMMAND": "bin/none", "DIRECTORY": "gone"},
        "five": {"COMMAND": "true", "DIRECTORY": "file", "ENV_FILE": ["missing.env", "latin.env"]},
        "six": {"COMMAND": "true", "USER": "nobody-of-that-name", "GROUP": "none-either"},
    }
    assert wrong(site, processes) == [
        'web.backend: there is no backend "gunicron" [procession.E011]',
        f'{WEB}["BACKEND"] in mysite.settings · did you mean "gunicorn"?',
        'two.command: command not found: "no-such-program" [procession.E028]',
        (
            'from PRODUCTION_PROCESSES["two"]["COMMAND"] in mysite.settings · install it, or write its path; '
            "looked beside the site's Python and in PATH"
        ),
        f"three.command: cannot be executed: {tmp_path}/file [procession.E028]",
        f'from PRODUCTION_PROCESSES["three"]["COMMAND"] in mysite.settings · run: chmod +x {tmp_path}/file',
        f"four.directory: there is no such directory: {tmp_path}/gone [procession.E027]",
        'from PRODUCTION_PROCESSES["four"]["DIRECTORY"] in mysite.settings · make it, or correct the path',
        f"four.command: there is no such program: {tmp_path}/gone/bin/none [procession.E028]",
        'from PRODUCTION_PROCESSES["four"]["COMMAND"] in mysite.settings · correct the path',
        f"five.directory: is no directory: {tmp_path}/file [procession.E027]",
        'from PRODUCTION_PROCESSES["five"]["DIRECTORY"] in mysite.settings · make it, or correct the path',
        f"five.env_file: there is no such file: {tmp_path}/missing.env [procession.E037]",
        'from PRODUCTION_PROCESSES["five"]["ENV_FILE"] in mysite.settings · write it, or leave it out',
        f"five.env_file: {tmp_path}/latin.env is not valid UTF-8: byte 0xe9 in line 2 [procession.E037]",
        'from PRODUCTION_PROCESSES["five"]["ENV_FILE"] in mysite.settings · save the file as UTF-8',
        'six.user: there is no user "nobody-of-that-name" [procession.E029]',
        'from PRODUCTION_PROCESSES["six"]["USER"] in mysite.settings · create it: adduser --system',
    ]


def test_a_mistake_in_what_is_common_is_said_once(site: Site) -> None:
    both: dict[str, object] = {"web": {"COMMAND": "true"}, "worker": {"COMMAND": "true"}}
    assert wrong(site, both, {"ENV_FILE": "none.env"}) == [
        f"stack.env_file: there is no such file: {site.directory}/none.env [procession.E037]",
        'from PRODUCTION_STACK["ENV_FILE"] in mysite.settings · write it, or leave it out',
    ]


def test_a_wrong_line_of_an_env_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nB='x\n")
    assert wrong(site, {"web": {"COMMAND": "true", "ENV_FILE": ".env"}}) == [
        ".env: line 2: no closing ' [procession.E038]",
        f"from {tmp_path}/.env:2 · close the quotation with '",
    ]


def test_an_option_that_the_program_does_not_have(site: Site) -> None:
    raw = {"web": {"BACKEND": "gunicorn", "ARGS": {"wrkers": 4}}}
    assert wrong(site, dict(raw)) == [
        "web.args.wrkers: no such option [procession.E040]",
        f'{WEB}["ARGS"]["wrkers"] in mysite.settings · did you mean "workers"?',
    ]
    stack, problems = load(read_settings(raw, None, "mysite.settings"), site, check_options=False)
    assert stack is not None
    assert problems == []


def test_two_on_one_port_and_a_cycle(site: Site) -> None:
    web = {"BACKEND": "gunicorn", "ARGS": {"bind": "127.0.0.1:8000"}}
    found = wrong(site, {"web": {**web, "DEPENDS_ON": "api"}, "api": {**web, "DEPENDS_ON": "web"}})
    assert found == [
        "web.depends_on: goes round in a circle: web -> api -> web [procession.E017]",
        f"{WEB} in mysite.settings · take one of these dependencies out",
        'api: listens on 127.0.0.1:8000, and so does "web" [procession.E020]',
        'from PRODUCTION_PROCESSES["api"] in mysite.settings · give one of them another address',
    ]


def test_a_program_that_is_not_installed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gunicorn", None)
    found = wrong(site, {"web": {"BACKEND": "gunicorn"}})
    assert found[0] == f"web.backend: gunicorn is not installed in {sys.executable} [procession.E012]"
    assert found[1].startswith(f'{WEB}["BACKEND"] in mysite.settings · run: pip install "')


def test_nothing_is_declared(site: Site) -> None:
    assert wrong(site, {}) == [
        "PRODUCTION_PROCESSES: declares no process [procession.E031]",
        "from mysite.settings · declare a process, or let `procession init` propose a declaration",
    ]


def test_only_what_was_asked_for_is_looked_at(site: Site) -> None:
    written = read_settings({"web": {"COMMAND": "true"}, "bad": {"COMMAND": 5}}, None, "mysite.settings")
    stack, problems = load(written, site, only={"web"})
    assert stack is not None
    assert [process.name for process in stack.processes] == ["web"]
    assert problems == []
    assert load(written, site)[0] is None


def test_a_user_and_a_group_may_be_numbers_or_ours(site: Site) -> None:
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    web = one(site, {"COMMAND": "true", "USER": user, "GROUP": group})
    assert (web.user, web.group) == (user, group)
    assert one(site, {"COMMAND": "true", "USER": str(os.geteuid())}).user == str(os.geteuid())


@pytest.mark.parametrize(
    ("directory", "name"),
    [("/srv/my-site", "my-site"), ("/srv/2024 site!", "site"), ("/", "site"), ("/srv/été", "t"), ("/x/_a_", "a")],
)
def test_the_stack_is_called_as_its_directory(directory: str, name: str) -> None:
    assert stack_name(directory) == name


def test_a_listener_is_only_handed_to_a_program_that_can_take_it(site: Site) -> None:
    web = one(site, {"BACKEND": "gunicorn", "ARGS": {"bind": "127.0.0.1:8000"}})
    assert web.handoff
    assert web.listeners == (Listener("127.0.0.1:8000", web.listeners[0].backlog, web.listeners[0].mode),)


def test_one_mistake_hides_no_other(site: Site) -> None:
    """A field that cannot be read counts as not said, an unknown backend as unknown: all else is looked at."""
    found = wrong(
        site,
        {
            "web": {
                "BACKEND": "gunicorn",
                "STOP_TIMEOUT": "soon",
                "STOP": "TERM",
                "ARGS": {"wrokers": 3, "bind": {1}},
                "DEPENDS_ON": ["worker"],
            },
            "worker": {"BACKEND": "celry-worker", "DIRECTORY": "nowhere", "ENV_FILE": "no.env", "DEPENDS_ON": ["web"]},
            "other": {"BAKEND": "gunicorn", "DIRECTORY": "nowhere"},
        },
    )
    assert [line.partition(": ")[0] for line in found if "[procession." in line] == [
        "web.stop_timeout",
        "web.args.bind",
        "web.args.wrokers",
        "web.depends_on",
        "worker.backend",
        "worker.directory",
        "worker.env_file",
        "other.bakend",
        "other.directory",
    ]


def test_an_unknown_backend_is_asked_for_no_address(site: Site) -> None:
    found = wrong(site, {"web": {"BACKEND": "gunicron", "READINESS": "/health/", "REPLICAS": 2}})
    assert [line for line in found if "[procession." in line] == [
        'web.backend: there is no backend "gunicron" [procession.E011]'
    ]


def test_a_short_start_shortens_the_probe_that_nobody_timed(site: Site) -> None:
    process = one(site, {"COMMAND": "sleep 5", "READINESS": {"file": "ready", "within": "1s"}})
    assert process.readiness.timeout_seconds == 1.0
    said = {"COMMAND": "sleep 5", "READINESS": {"file": "ready", "within": "1s", "timeout": "2s"}}
    assert "longer than the whole start" in wrong(site, {"web": said})[0]


def test_a_procfile_line_that_cannot_be_split_is_told_once(site: Site, tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("worker: no-such-program 'x\n")
    _, problems = load(read_procfile(str(tmp_path / "Procfile"), {}), site)
    assert [problem.id for problem in problems] == ["E015"]


@pytest.mark.parametrize("controllers", ["", "cpu pids"])
def test_a_limit_that_nothing_holds_here_is_said(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, controllers: str
) -> None:
    """As on a machine whose cgroup v2 has these controllers."""
    (tmp_path / "cgroup.controllers").write_text(controllers)
    monkeypatch.setattr(cgroups, "find_base", lambda: cgroups.Base(str(tmp_path)))
    limits = {"cpu": 2, "memory": "1G", "processes": 100, "files": 100, "nice": 5}
    web = {"COMMAND": "true", "LIMITS": limits}
    declared = {"web": web, "once": {**web, "TYPE": "task"}}
    problems = load(read_settings(declared, None, "mysite.settings"), site)[1]
    missing = {"cpu", "memory"} - set(controllers.split())
    expected = {f"once.limits.{word}" for word in missing} | {f"web.limits.{word}" for word in missing - {"memory"}}
    assert {problem.where for problem in problems if problem.id == "W007"} == expected


USER, GROUP = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name


@pytest.mark.parametrize(
    ("more", "listener"),
    [
        ({}, {"mode": 0o777}),
        ({"USER": USER}, {"mode": 0o777, "user": USER}),
        ({"USER": USER, "GROUP": GROUP, "SOCKET_MODE": "660"}, {"mode": 0o660, "user": USER, "group": GROUP}),
        ({"USER": USER, "SOCKET_OWNER": f"{USER}:{GROUP}"}, {"mode": 0o777, "user": USER, "group": GROUP}),
        ({"SOCKET_OWNER": f":{GROUP}"}, {"mode": 0o777, "group": GROUP}),
    ],
)
def test_a_unix_socket_belongs_to_the_process_unless_it_is_said_whose_it_is(
    site: Site, more: dict[str, object], listener: dict[str, object]
) -> None:
    binds = ["unix:/run/web.sock", "127.0.0.1:8000"]
    process = one(site, {"BACKEND": "gunicorn", "ARGS": {"bind": binds}, **more})
    assert process.listeners == (replace(Listener(binds[0]), **listener), Listener(binds[1]))  # type: ignore[arg-type]


def test_an_owner_of_sockets_that_there_is_not(site: Site) -> None:
    raw = {"BACKEND": "gunicorn", "ARGS": {"bind": "unix:/run/web.sock"}, "SOCKET_OWNER": "nonesuch"}
    assert wrong(site, {"web": raw}) == [
        'web.socket_owner: there is no user "nonesuch" [procession.E029]',
        f'{WEB}["SOCKET_OWNER"] in mysite.settings · create it, or correct the name',
    ]
