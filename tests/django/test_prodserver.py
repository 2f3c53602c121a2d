"""`manage.py prodserver`: one process in the foreground, in place of manage.py itself."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.django.conftest import Project

TELL = """\
PRODUCTION_PROCESSES = {"web": {"COMMAND": ["python", "tell.py", "one"]}, "other": {"COMMAND": "python tell.py two"}}
"""


@contextmanager
def running(project: Project, *argv: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    child = project.start(*argv, **environment)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def wait_for(child: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """The first line that it says with the pattern in it."""
    assert child.stdout is not None
    said = []
    for line in child.stdout:
        said.append(line)
        if match := re.search(pattern, line):
            return match
    raise AssertionError("".join(said))


def told(project: Project, *argv: str, **environment: str) -> dict[str, Any]:
    done = project.manage(*argv, **environment)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_gunicorn_has_our_pid_and_ends_well(project: Project) -> None:
    project.settings('PRODUCTION_PROCESSES = {"web": {"BACKEND": "gunicorn", "ARGS": {"bind": "127.0.0.1:0"}}}\n')
    with running(project, "prodserver", "web") as child:
        listening = wait_for(child, r"Listening at: http://127.0.0.1:(\d+) \((\d+)\)")
        assert int(listening[2]) == child.pid
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0


def test_celery_has_our_pid_and_ends_well(project: Project) -> None:
    project.settings(
        'PRODUCTION_PROCESSES = {"worker": {"BACKEND": "celery", "APP": "mysite.jobs",'
        ' "ARGS": {"pool": "solo", "loglevel": "info"}}}\n'
    )
    project.write("mysite/jobs.py", 'from celery import Celery\n\napp = Celery("mysite", broker="memory://")\n')
    with running(project, "prodserver") as child:
        wait_for(child, "ready.")
        assert b"celery" in Path(f"/proc/{child.pid}/cmdline").read_bytes()
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0


def test_a_socket_of_systemd_goes_to_the_program(project: Project) -> None:
    """LISTEN_PID is our pid, which the program has after us."""
    project.settings('PRODUCTION_PROCESSES = {"web": {"BACKEND": "gunicorn", "ARGS": {"bind": "127.0.0.1:1"}}}\n')
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        wrapper = (
            "import os, sys\nos.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'}\n"
            f"os.dup2({listener.fileno()}, 3)\nos.execv(sys.executable, [sys.executable, 'manage.py', 'prodserver'])\n"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", wrapper],
            cwd=project.directory,
            env=project.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=[listener.fileno()],
        )
    try:
        assert int(wait_for(child, r"Listening at: http://127.0.0.1:(\d+)")[1]) == port
    finally:
        child.kill()
        child.communicate()


def test_the_first_declared_is_run_if_none_is_named(project: Project) -> None:
    project.settings(TELL)
    assert told(project, "prodserver")["argv"] == ["one"]
    assert told(project, "prodserver", "other")["argv"] == ["two"]


def test_environment_directory_and_umask_are_the_processs_own(project: Project) -> None:
    project.settings(
        "PRODUCTION_PROCESSES = {'web': {'COMMAND': 'python ../tell.py', 'ENV': {'A': 'env', 'B': 1},"
        " 'ENV_FILE': ['.env', '.env2'], 'DIRECTORY': 'mysite', 'UMASK': '027'}}\n"
    )
    project.write(".env", "A=file\nC='from file'\nD=1\n")
    project.write(".env2", "D=2\n")
    said = told(project, "prodserver", "web", C="inherited", E="inherited")
    expected = {"A": "env", "B": "1", "C": "from file", "D": "2", "E": "inherited", "PYTHONUNBUFFERED": "1"}
    assert {name: said["env"].get(name) for name in expected} == expected
    assert said["cwd"] == str(project.directory / "mysite")
    assert said["umask"] == 0o027
    assert said["env"]["DJANGO_SETTINGS_MODULE"] == "mysite.settings"


def test_djangos_own_options_are_obeyed_and_not_passed_on(project: Project) -> None:
    project.write("mysite/other.py", "from mysite.settings import *\n" + TELL)
    options = ("--settings=mysite.other", "--verbosity=3", "--traceback", "--no-color", "--skip-checks")
    said = told(project, "prodserver", "web", *options)
    assert said["argv"] == ["one"]
    assert said["env"]["DJANGO_SETTINGS_MODULE"] == "mysite.other"


def test_arguments_after_two_dashes_go_to_the_program(project: Project) -> None:
    project.settings(TELL)
    assert told(project, "prodserver", "web", "--", "--loud", "x")["argv"] == ["one", "--loud", "x"]
    assert told(project, "prodserver", "--", "--loud")["argv"] == ["one", "--loud"]


def test_arguments_after_two_dashes_win_over_args(project: Project) -> None:
    project.settings(
        'PRODUCTION_PROCESSES = {"web": {"BACKEND": "gunicorn", "ARGS": {"bind": "127.0.0.1:1", "workers": 2}}}\n'
    )
    with running(project, "prodserver", "web", "--", "-b", "127.0.0.1:0") as child:
        wait_for(child, "Listening at: http://127.0.0.1")
        argv = Path(f"/proc/{child.pid}/cmdline").read_text().split("\0")
        assert "--workers=2" in argv
        assert argv[argv.index("-b") + 1] == "127.0.0.1:0"
        assert not [word for word in argv if word.rpartition("=")[2] == "127.0.0.1:1"]


def test_python_does_not_pass_its_ignored_signals_on(project: Project) -> None:
    project.settings('PRODUCTION_PROCESSES = {"web": {"COMMAND": "grep SigIgn /proc/self/status"}}\n')
    ignored = int(project.manage("prodserver").stdout.split()[1], 16)
    assert not ignored & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)


def test_the_list(project: Project) -> None:
    project.settings(
        TELL.replace("}}", '}, "beat": {"BACKEND": "celery-beat", "APP": "x"}, "bad": {"BACKEND": "x", "REPLICAS": 2}}')
    )
    done = project.manage("prodserver", "--list")
    assert done.stdout.splitlines() == [
        "NAME   BACKEND      REPLICAS  COMMAND",
        f"web    command      1         {sys.executable} tell.py one",
        f"other  command      1         {sys.executable} tell.py two",
        f"beat   celery-beat  1         {sys.executable} -m celery -A x beat",
        "bad    x            ?         ?",
    ]


def test_an_unknown_name_has_the_list_and_a_suggestion(project: Project) -> None:
    project.settings(TELL)
    done = project.manage("prodserver", "wbe")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        'CommandError: there is no process "wbe"; declared are: web, other',
        '    did you mean "web"?',
    ]


def test_what_is_wrong_with_another_process_does_not_stop_this_one(project: Project) -> None:
    project.settings(TELL.replace('"python tell.py two"', "5"))
    assert told(project, "prodserver", "web")["argv"] == ["one"]
    done = project.manage("prodserver", "other")
    assert done.returncode == 1
    assert [" ".join(line.split()) for line in done.stderr.splitlines()] == [
        "CommandError: other.command: must be a string, got 5 [procession.E002]",
        'from PRODUCTION_PROCESSES["other"]["COMMAND"] in mysite.settings',
    ]


def test_nothing_declared(project: Project) -> None:
    done = project.manage("prodserver")
    assert done.returncode == 1
    assert "PRODUCTION_PROCESSES: declares no process" in done.stderr


def test_call_command_works(project: Project) -> None:
    project.settings(TELL)
    project.write(
        "call.py",
        "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'mysite.settings'\nimport django\ndjango.setup()\n"
        "from django.core.management import call_command\ncall_command('prodserver', 'other')\n",
    )
    done = project.run("call.py")
    assert json.loads(done.stdout)["argv"] == ["two"]


def test_a_procfile_in_place_of_settings(project: Project) -> None:
    project.write("Procfile", "web: cd mysite && python ../tell.py $PORT\n")
    said = told(project, "prodserver", "web", PORT="1234")
    assert (said["argv"], said["cwd"]) == (["1234"], str(project.directory / "mysite"))


@pytest.mark.root
def test_a_user_that_is_declared_is_taken_or_refused(project: Project) -> None:
    project.settings('PRODUCTION_PROCESSES = {"web": {"COMMAND": "id", "USER": "nobody", "GROUP": "daemon"}}\n')
    done = project.manage("prodserver")
    assert re.match(r"uid=\d+\(nobody\) gid=\d+\(daemon\) groups=\d+\(daemon\)", done.stdout)


def test_devserver_runs_what_is_declared_for_development(project: Project) -> None:
    project.settings('DEVELOPMENT_PROCESSES = {"dev": {"COMMAND": "python tell.py dev"}}\n' + TELL)
    assert told(project, "devserver")["argv"] == ["dev"]
    assert project.manage("devserver", "--list").stdout.splitlines()[1].split()[:2] == ["dev", "command"]
    assert project.manage("devserver", "web").returncode == 2


def test_devserver_is_runserver_where_nothing_is_declared(project: Project) -> None:
    project.settings("DEBUG = True\n" + TELL)
    with running(project, "devserver", "127.0.0.1:0", "--", "--noreload", PYTHONUNBUFFERED="1") as child:
        wait_for(child, "Starting development server at http://127.0.0.1")


def test_the_pid_is_kept(project: Project) -> None:
    project.settings(TELL)
    child = project.start("prodserver", "web")
    out, _ = child.communicate(timeout=30)
    assert json.loads(out)["pid"] == child.pid != os.getpid()


def test_a_class_that_somebody_wrote_for_django_prodserver_runs(project: Project) -> None:
    project.settings(
        'PRODUCTION_PROCESSES = {"web": {"BACKEND": "mysite.servers.Own", "ARGS": {"port": 5}, "FLAVOUR": "odd"}}\n'
    )
    project.write(
        "mysite/servers.py",
        "import json, os\n\nclass Own:\n    def __init__(self, **config):\n        self.config = config\n\n"
        "    def prep_server_args(self):\n        return [str(self.config['ARGS']['port'])]\n\n"
        "    def start_server(self, *args):\n"
        "        print(json.dumps({'pid': os.getpid(), 'args': args, 'flavour': self.config['FLAVOUR']}))\n",
    )
    child = project.start("prodserver", "web")
    out, _ = child.communicate(timeout=30)
    assert json.loads(out) == {"pid": child.pid, "args": ["5"], "flavour": "odd"}
