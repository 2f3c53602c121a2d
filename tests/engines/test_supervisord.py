"""supervisord.conf: the text, what supervisord's own parser makes of it, and what is said that it cannot do."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from supervisor.options import ServerOptions

from procession.engines.base import Asked, State
from procession.engines.files import File, write
from procession.engines.files import compare as compared
from procession.engines.options import read_options
from procession.engines.programs import supervisord_check
from procession.engines.steps import Await, Command, Step, drive
from procession.engines.supervisord import ENGINE
from procession.engines.supervisord.options import CONF, Options
from procession.engines.supervisord.status import read_rows
from procession.refusal import Refusal
from procession.run import Done
from procession.stack.model import Process, Stack
from tests.engines.stacks import stack_of

WEB = {"BACKEND": "gunicorn", "ARGS": {"bind": "127.0.0.1:8000"}}
WORKER = {"BACKEND": "celery-worker", "APP": "mysite.celery", "STOP_TIMEOUT": "10m"}
TASK = {"COMMAND": ["true"], "TYPE": "task"}
VALUES = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            "%#;$'\"\\ \t\n\r,=()s{}@!\udc80\udcff"
        ),  # the last two: bytes that are no UTF-8, as Python keeps them
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=30,
)


def files_of(stack: Stack, options: Options | None = None) -> dict[str, File]:
    rendering = ENGINE.render(stack, options or Options())
    assert [problem for problem in rendering.problems if problem.is_error] == []
    return {file.path: file for file in rendering.files}


def put(directory: Path, stack: Stack) -> Path:
    files = list(files_of(stack).values())
    write(str(directory), files, compared(files, {}, "me"))
    (directory / "log").mkdir(exist_ok=True)
    return directory / CONF


def parsed(conf: Path) -> dict[str, Any]:
    """What supervisord makes of each instance, by its name."""
    server = ServerOptions()
    server.realize(["-n", "-c", str(conf)])
    return {one.name: one for group in server.process_group_configs for one in group.process_configs}


def as_told(process: Process) -> Stack:
    return Stack(name="mysite", directory="/tmp", processes=(process,))


def plain(**fields: Any) -> Process:
    """A process that asks for nothing in particular."""
    [process] = stack_of({"one": {"COMMAND": ["true"]}}).processes
    return replace(process, **{"directory": "/tmp", **fields})


def became(instance: Any) -> tuple[list[str], dict[str, str]]:
    """The argv and the variables that come out of the launcher, which prints them in the program's place."""
    argv = shlex.split(instance.command)
    show = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    if len(argv) > 4 and argv[3].endswith("launch.py"):
        what = json.loads(argv[4])
        words = what.pop("argv", argv[5:])
        argv = [*argv[:4], json.dumps({**what, "argv": [sys.executable, "-I", "-c", show, *words]})]
    else:
        argv = [sys.executable, "-I", "-c", show, *argv]
    done = subprocess.run(
        argv, env={**instance.environment}, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    words, variables = json.loads(done.stdout)
    return words, variables


def test_a_site_is_told_as_a_careful_person_would(tmp_path: Path) -> None:
    site: dict[str, dict[str, Any]] = {
        "web": {**WEB, "REPLICAS": 2},
        "worker": {**WORKER, "REPLICAS": 2},
        "migrate": TASK,
    }
    there = parsed(put(tmp_path, stack_of(site)))
    instances = ["migrate.1", "web.1", "web.2", "web.next", "worker.1", "worker.2", "worker.next"]
    assert sorted(there) == sorted([*instances, "web.listener.0", "web.listener.1"])
    worker, web, migrate = there["worker.1"], there["web.1"], there["migrate.1"]
    assert (worker.stopsignal, worker.stopwaitsecs) == (signal.SIGTERM, 610)  # the whole ladder, its last step included
    assert all(there[name].killasgroup and not there[name].stopasgroup for name in instances)
    assert all(one.redirect_stderr for one in there.values())
    assert not there["web.next"].autostart
    assert web.autostart
    assert web.autorestart
    assert not migrate.autostart
    assert not migrate.autorestart
    assert web.stdout_logfile == str(tmp_path / "log/web.1.log")
    assert web.environment["PROCESSION_INSTANCE"] == "web.1"
    assert "127.0.0.1:8000" not in web.command  # supervisord holds it
    assert "--bind" not in web.command


def test_it_is_the_same_every_time() -> None:
    stack = stack_of({"web": WEB, "worker": WORKER, "migrate": TASK})
    assert files_of(stack) == files_of(stack)


def test_supervisord_may_open_as_many_files_as_its_programs_take() -> None:
    """Three pipes' ends and more of each; its own default is for some 180 of them."""
    few, many = (files_of(stack_of({"many": {"COMMAND": "sleep 9", "REPLICAS": number}})) for number in (3, 400))
    assert "minfds" not in few[CONF].text
    assert "\nminfds=2105\n" in many[CONF].text


def test_what_is_needed_first_has_the_lower_priority(tmp_path: Path) -> None:
    site = {"a": {"COMMAND": ["true"], "DEPENDS_ON": ["b"]}, "b": {"COMMAND": ["true"], "DEPENDS_ON": ["c"]}}
    there = parsed(put(tmp_path, stack_of({**site, "c": {"COMMAND": ["true"]}})))
    assert [there[f"{name}.1"].priority for name in "cba"] == [100, 110, 120]


@pytest.mark.parametrize(
    ("said", "restart", "exits"),
    [("always", "true", "0"), ("on-failure", "unexpected", "0"), ("never", "false", "0")],
)
def test_restart(said: str, restart: str, exits: str) -> None:
    text = files_of(stack_of({"one": {"COMMAND": ["true"], "RESTART": said}}))[CONF].text
    assert f"autorestart={restart}\nexitcodes={exits}\n" in text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(argv=st.lists(VALUES, min_size=1, max_size=3), value=VALUES)
def test_supervisords_parser_and_the_launcher_give_back_what_was_said(
    tmp_path: Path, argv: list[str], value: str
) -> None:
    process = plain(argv=tuple(argv), environment={"VALUE": value})
    words, variables = became(parsed(put(tmp_path, as_told(process)))["one.1"])
    assert (words, variables["VALUE"]) == (argv, value)


@pytest.mark.parametrize("value", ["50%", "%(here)s", "a #b", "'\"", '"a"', "a\r\nb\n", "  a  ", "ü\u2028", "", "$X"])
def test_a_value_that_its_format_cannot_hold_comes_through_all_the_same(tmp_path: Path, value: str) -> None:
    process = plain(argv=("x", value), environment={"VALUE": value})
    words, variables = became(parsed(put(tmp_path, as_told(process)))["one.1"])
    assert (words, variables["VALUE"]) == (["x", value], value)


def test_what_its_format_can_hold_is_written_so_that_one_can_read_it() -> None:
    process = plain(argv=("/bin/echo", "50 %", "it's"), environment={"A": 'say "x", 1 %'})
    text = files_of(as_told(process))[CONF].text
    assert "command=/bin/echo '50 %%' 'it'\"'\"'s'\n" in text
    assert "    A='say \"x\", 1 %%',\n" in text


def test_a_secret_is_an_error_and_stands_in_no_file_unless_asked() -> None:
    stack = stack_of({"web": {**WEB, "ENV": {"SECRET_KEY": "hunter2"}}})
    rendering = ENGINE.render(stack, Options())
    assert [problem.where for problem in rendering.problems if problem.id == "E100"] == ["web.env.SECRET_KEY"]
    assert rendering.files == ()
    asked = files_of(stack, Options(write_secrets=True))[CONF]
    assert "hunter2" in asked.text
    assert asked.mode == 0o600


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"LIVENESS": {"TYPE": "tcp", "ADDRESS": "127.0.0.1:8000"}}, "web.liveness"),
        ({"MAX_AGE": "1d"}, "web.max_age"),
        ({"LIMITS": {"MEMORY": "2G"}}, "web.limits.memory"),
        ({"LIMITS": {"CPU": 2}}, "web.limits.cpu"),
        ({"LOG": {"MAX_AGE": "1d"}}, "web.log.max_age"),
        ({"STOP": [["TERM", 30], ["QUIT", 5]]}, "web.stop"),
        ({"RESTART": "on-failure"}, "web.restart"),
    ],
)
def test_what_it_cannot_do_is_said_with_what_comes_closest(said: Mapping[str, Any], where: str) -> None:
    [process] = stack_of({"web": {**WEB, **said}}).processes
    if where == "web.restart":
        process = replace(process, success=(0, -signal.SIGTERM))
    problems = ENGINE.render(as_told(process), Options()).problems
    assert [(problem.id, problem.where) for problem in problems if problem.where == where] == [("W100", where)]
    assert all(problem.fix for problem in problems)


def test_instances_cannot_share_what_it_cannot_hold() -> None:
    [process] = stack_of({"web": {**WEB, "ARGS": {"bind": "[::1]:8000"}, "REPLICAS": 2}}).processes
    problems = ENGINE.render(as_told(process), Options()).problems
    assert ("E101", "web.replicas") in [(problem.id, problem.where) for problem in problems]


def test_a_path_too_long_for_a_socket_is_said() -> None:
    stack = stack_of({"web": WEB}, directory="/srv/" + "x" * 100)
    assert [problem.id for problem in ENGINE.render(stack, Options()).problems if problem.is_error] == ["E101"]


def test_its_own_options_are_read_and_a_typo_is_told() -> None:
    engines = {"ENGINES": {"supervisord": {"DIRECTORY": "/run/mysite", "SUPERVISOR": "x"}}}
    options, problems = read_options(ENGINE, stack_of({"web": WEB}, engines))
    assert [problem.id for problem in problems] == ["E001"]
    options, problems = read_options(ENGINE, stack_of({"web": WEB}, {"ENGINES": {"supervisord": {"DIRECTORY": "run"}}}))
    assert ENGINE.directory(stack_of({"web": WEB}), options) == "/srv/mysite/run"
    assert problems == []


def checked(conf: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, supervisord_check.__file__, str(conf)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_the_checker_takes_what_we_write(tmp_path: Path) -> None:
    done = checked(put(tmp_path, stack_of({"web": WEB, "worker": WORKER, "migrate": TASK})))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("stopsignal=TERM", "stopsignal=TRM", "TRM"),
        ("killasgroup=true", "killasgroups=true", "knows no `killasgroups` in [program:migrate.1]"),
    ],
)
def test_the_checker_finds_what_supervisord_refuses_and_what_it_leaves_out(
    tmp_path: Path, written: str, instead: str, said: str
) -> None:
    conf = put(tmp_path, stack_of({"migrate": TASK}))
    assert written in conf.read_text()
    conf.write_text(conf.read_text().replace(written, instead))
    done = checked(conf)
    assert done.returncode != 0
    assert said in done.stderr + done.stdout


def test_a_failed_check_is_a_refusal_with_its_words(tmp_path: Path) -> None:
    conf = put(tmp_path, stack_of({"migrate": TASK}))
    conf.write_text(conf.read_text().replace("stopsignal=TERM", "stopsignal=TRM"))
    asked = Asked(stack=stack_of({"migrate": TASK}), options=Options(), directory=str(tmp_path))
    with pytest.raises(Refusal, match="TRM"):
        drive(ENGINE.check(asked), print)


STATUS = """\
web.1                            RUNNING   pid 11, uptime 2 days, 1:02:03
web.listener:web.listener.0      RUNNING   pid 10, uptime 1:00:00
web.next                         STOPPED   Not started
worker.1                         BACKOFF   Exited too quickly (process log may have details)
worker.2                         STOPPED   Not started
worker.next                      RUNNING   pid 12, uptime 0:00:03
"""


def test_its_status_is_read() -> None:
    stack = stack_of({"web": WEB, "worker": {**WORKER, "REPLICAS": 2}})
    rows = read_rows(STATUS, Asked(stack=stack, options=Options(), directory="/x"))
    assert [(row.name, row.state, row.pid) for row in rows] == [
        ("web.1", State.READY, 11),
        ("worker.1", State.BACKOFF, 0),
        ("worker.2", State.STOPPED, 0),
        ("worker.next", State.READY, 12),
    ]
    assert rows[0].uptime_seconds == 2 * 86400 + 3723
    assert "Exited too quickly" in rows[1].said


def test_the_unit_waits_for_as_long_as_the_stops_may_take() -> None:
    files = files_of(stack_of({"web": {**WEB, "STOP_TIMEOUT": 30}, "worker": WORKER}, {"USER": "www-data"}))
    unit = files["mysite-supervisord.service"].text
    assert "User=www-data\n" in unit
    found = re.search(r"TimeoutStopSec=(\d+)", unit)
    assert found is not None
    assert int(found[1]) > 610
    assert "systemctl enable /" not in unit, "a link to what the site's user may write would make him root"
    assert "stop all" in unit, "or supervisord stops one after the other, and their times add up"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_has_nothing_to_say_about_the_unit(tmp_path: Path) -> None:
    stack = stack_of({"web": WEB, "worker": WORKER}, {"USER": "www-data"})
    options = Options(directory="/srv/it's $HOME", supervisord=f"{Path(sys.executable).parent}/supervisord")
    file = files_of(stack, options)["mysite-supervisord.service"]
    (tmp_path / file.path).write_text(file.marked("me"))
    done = subprocess.run(
        ["systemd-analyze", "--man=no", "verify", f"./{file.path}"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


TWO_OF_WEB = """\
web.1          RUNNING   pid 11, uptime 0:01:00
web.2          RUNNING   pid 12, uptime 0:01:00
web.next       {}
beat.1         RUNNING   pid 13, uptime 0:01:00
"""
RESTS = TWO_OF_WEB.format("STOPPED   Not started")
RUNS = TWO_OF_WEB.format("RUNNING   pid 14, uptime 0:00:09")


def rolling(look: str, *names: str, fails: str = "") -> tuple[list[str], str]:
    """What `roll` types, where `look` is the status before it, and `fails` does not start; and how it is refused."""
    stack = stack_of({"web": {**WEB, "REPLICAS": 2}, "beat": {"BACKEND": "celery-beat", "APP": "mysite.celery"}})
    steps = ENGINE.verbs["roll"](Asked(stack=stack, options=Options(), directory="/x", names=names))
    typed: list[str] = []
    try:
        step = next(steps)
        while True:
            step = steps.send(answered(step, look, fails, typed))
    except StopIteration:
        return typed, ""
    except Refusal as refusal:
        return typed, refusal.what


def answered(step: Step, look: str, fails: str, typed: list[str]) -> Done:
    if isinstance(step, Await):
        return Done(0, RUNS)
    if not isinstance(step, Command):
        return Done(0)
    typed.append(" ".join(step.argv[3:] if step.argv[0].endswith("supervisorctl") else step.argv))
    return Done(1, "web: ERROR (spawn error)") if typed[-1] == fails else Done(0, look)


def test_a_roll_starts_the_next_one_first_and_stops_it_last() -> None:
    typed = ["status", "start web.next", "restart web.1", "restart web.2", "stop web.next"]
    assert rolling(RESTS, "web") == (typed, "")


def test_a_roll_renews_the_next_one_that_an_earlier_roll_has_left() -> None:
    assert rolling(RUNS, "web")[0][1] == "restart web.next"


def test_a_singleton_has_no_next_one() -> None:
    assert rolling(RESTS, "beat") == (["status", "restart beat.1"], "")


def test_an_instance_that_was_stopped_stays_so_in_a_roll() -> None:
    look = RESTS.replace("web.2          RUNNING   pid 12, uptime 0:01:00", "web.2   STOPPED   Nov 21 05:00 PM")
    assert rolling(look, "web") == (["status", "start web.next", "restart web.1", "stop web.next"], "")


def test_a_next_one_that_does_not_start_is_stopped_and_nobody_else_is_touched() -> None:
    typed, refused = rolling(RESTS, "web", fails="start web.next")
    assert typed == ["status", "start web.next", "stop web.next", "tail -n 20 /x/log/web.next.log"]
    assert refused == "web.next did not become ready, and was stopped; web goes on as it was"


def test_one_that_does_not_come_back_leaves_the_next_one_serving() -> None:
    typed, refused = rolling(RESTS, "web", fails="restart web.1")
    assert typed == ["status", "start web.next", "restart web.1"]
    assert refused.startswith("web.1 did not become ready")
