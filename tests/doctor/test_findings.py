"""What single examinations find, what the doctor knows of errors' words, and in which order he says it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from procession.console.engine_views import as_view
from procession.doctor.case import Case
from procession.doctor.deaths import examine_deaths, in_words, last_exception, own_frames
from procession.doctor.finding import Finding, Weight, arrange
from procession.doctor.interpreter import trouble_of
from procession.doctor.knowledge import MEANINGS, explain
from procession.doctor.supervision import examine_orphans
from procession.doctor.timeouts import examine_timeouts, option_seconds
from procession.engines.base import Row, State
from procession.stack.model import Kind, Process, Stack, StopStep

KNOWN = [
    ("KeyError: 'DATABASE_URL'", "the environment variable DATABASE_URL is not set"),
    (
        "django.core.exceptions.ImproperlyConfigured: Set the SECRET_KEY environment variable",
        "the environment variable SECRET_KEY is not set",
    ),
    ("decouple.UndefinedValueError: DEBUG not found. Declare it.", "the environment variable DEBUG is not set"),
    ('psycopg.OperationalError: FATAL:  role "web" does not exist', 'the database has no user "web"'),
    ('psycopg.OperationalError: FATAL:  database "shop" does not exist', 'the server has no database "shop"'),
    ("FATAL:  sorry, too many clients already", "the database has no room for another connection"),
    ("sqlite3.OperationalError: no such table: feeds_entry", "the database does not have feeds_entry"),
    ("OSError: [Errno 28] No space left on device", "a disk is full, or a quota is used up"),
    ("PermissionError: [Errno 13] Permission denied: '/srv/key'", "the site's user may not open /srv/key"),
    ("cannot run /srv/.venv/bin/python: there is no such file", "the program /srv/.venv/bin/python cannot be run"),
    ("[ERROR] Connection in use: ('127.0.0.1', 8000)", "another process listens there 127.0.0.1 8000"),
    ("Invalid HTTP_HOST header: 'shop.example'.", "ALLOWED_HOSTS does not have shop.example"),
    ("kombu: Error 111 connecting to localhost:6379. Connection refused.", "nobody listens at localhost:6379"),
]
TRACEBACK = """\
Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/django/core/wsgi.py", line 9, in get
    return handler()
  File "/srv/shop/basket/views.py", line 31, in checkout
    total = basket["total"]
KeyError: 'total'
""".splitlines()


@pytest.mark.parametrize(("words", "meaning"), KNOWN)
def test_the_words_of_an_error_are_understood(words: str, meaning: str) -> None:
    explanation = explain(words)
    assert explanation
    assert meaning in explanation.what
    assert explanation.fix


def test_a_key_of_a_mapping_is_no_variable() -> None:
    assert explain("KeyError: 'total'") is None


def test_every_meaning_can_be_said() -> None:
    for meaning in MEANINGS:
        groups = dict.fromkeys(meaning.pattern.groupindex, "x") | {"python": "python"}
        assert "{" not in meaning.what.format(**groups) + meaning.about


def test_a_traceback_is_read_from_its_end() -> None:
    assert last_exception(TRACEBACK) == "KeyError: 'total'"
    assert own_frames(TRACEBACK) == ("/srv/shop/basket/views.py:31 in checkout",)


def test_an_exit_code_in_words_is_that_of_its_program() -> None:
    assert "no worker could be started" in in_words("exited with 3", "gunicorn")
    assert in_words("exited with 3") == ""
    assert "memory" in in_words("killed by SIGKILL")


def test_the_cause_is_first_and_one_thing_is_said_once() -> None:
    symptom = Finding(weight=Weight.SYMPTOM, about="state web.1", what="web.1: crash-looping")
    said = Finding(weight=Weight.SAID, about="database", what="web.1: no database", seen=("its last line",))
    cause = Finding(weight=Weight.CAUSE, about="database", what="postgres://u:hunter2@db is down", fix="start it")
    found = arrange([symptom, said, cause])
    assert [finding.what for finding in found] == ["postgres://u:[hidden]@db is down", "web.1: crash-looping"]
    assert found[0].seen == ("web.1: no database", "its last line")


def web(*argv: str, backend: str = "gunicorn", stop_seconds: float = 30.0) -> Process:
    return Process(
        name="web", kind=Kind.PROCESS, backend=backend, argv=argv, directory="/", stop=(StopStep("TERM", stop_seconds),)
    )


def case_of(process: Process, directory: str = "/nowhere") -> Case:
    stack = Stack(name="shop", directory="/", processes=(process,))
    return Case(directory="/", stack_directory=directory, python=sys.executable, stack=stack)


def test_timeouts_that_are_nested_the_wrong_way_round() -> None:
    wrong = web("python", "-m", "gunicorn", "--timeout", "120", "--graceful-timeout=60")
    assert [finding.what.partition(": ")[2] for finding in examine_timeouts(case_of(wrong))] == [
        "gunicorn would wait 60 s for requests at a stop, and is ended after 30 s",
        "a request may take 120 s (timeout), and a stop ends it after 30 s",
    ]
    assert not list(examine_timeouts(case_of(web("gunicorn", "--timeout=20"))))
    celery = {"task_time_limit": 7200, "broker": "redis://localhost", "visibility_timeout": None}
    worker = replace(case_of(web("celery", backend="celery-worker")), report={"celery": celery})
    assert [finding.what.partition(": ")[2] for finding in examine_timeouts(worker)] == [
        "a task may take 7200 s (task_time_limit), and a stop ends it after 30 s",
        "Redis gives a task to a second worker after 3600 s; one may take 7200 s",
    ]


def test_the_last_of_two_options_counts() -> None:
    assert option_seconds(("--timeout=5", "--timeout", "7"), "--timeout") == 7
    assert option_seconds(("--timeout",), "--timeout") is None


def test_what_is_left_of_an_earlier_run_is_found(tmp_path: Path) -> None:
    mark = {"PROCESSION_DIRECTORY": str(tmp_path), "PROCESSION_INSTANCE": "web.1", "PROCESSION_LIFE": "1"}
    script = 'PROCESSION_PID=$$ exec "$@"'
    with subprocess.Popen(
        ["sh", "-c", script, "sh", "sh", "-c", "echo there; exec sleep 1000"],
        env={**os.environ, **mark},
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"there\n"
        case = case_of(web("gunicorn"), str(tmp_path))
        (finding,) = examine_orphans(case)
        running = {"phase": "ready", "process": "web", "name": "web.1", "wanted": True, "pid": 1}
        (later,) = examine_orphans(replace(case, status={"instances": [{**running, "life": 2}]}))
        assert not list(examine_orphans(replace(case, status={"instances": [{**running, "life": 0}]})))
        child.kill()
    assert f"without a supervisor: pid {child.pid} (" in finding.what
    assert later.fix == f"end them: kill {child.pid}"


def test_another_engines_rows_are_examined_in_the_same_words() -> None:
    rows = [
        Row(name="web.1", process="web", state=State.FAILED, said="exited with 3"),
        Row(name="web.2", process="web", state=State.READY, pid=1),
    ]
    status = {"instances": [as_view(row) for row in rows], "processes": []}
    case = replace(case_of(web("gunicorn")), status=status, engine="supervisord")
    (finding,) = examine_deaths(case)
    assert finding.what == "web.1: failed: exited with 3"
    assert "no worker could be started" in finding.seen[0]
    assert not list(examine_orphans(case))


def test_an_environment_whose_python_is_gone_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    programs = tmp_path / ".venv" / "bin"
    assert "is not there" in str(trouble_of(str(programs / "python")))
    programs.mkdir(parents=True)
    assert "no whole virtual environment" in str(trouble_of(str(programs / "python")))
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    (programs / "python").symlink_to("/usr/bin/python3.0")
    assert "leads to /usr/bin/python3.0, which is not there" in str(trouble_of(str(programs / "python")))
    (programs / "gunicorn").write_text("#!/old/place/bin/python\n")
    assert "to be run by /old/place/bin/python, which is not there" in str(trouble_of(str(programs / "gunicorn")))
    assert trouble_of(sys.executable) is None
