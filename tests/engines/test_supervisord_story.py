"""A site on supervisord, from apply to down: it answers, its tasks run, what dies comes back, and nothing is left."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.backends.serving import free_port
from tests.console.project import Ended, Project, await_true
from tests.e2e.readable import copy_distribution, make_python
from tests.e2e.site import make_site, pids, write_settings
from tests.engines.feedreader import make_feedreader, write_release
from tests.engines.story import STORY_SECONDS, tell

MANY_SECONDS = 600  # Celery takes its time to start and to stop, more so on a busy machine
DECLARATION = """
PRODUCTION_STACK = {{
    "NAME": "story", "BACKOFF": {{"STEADY": 1}}, "ENV_FILE": ["site.env"],
    "ENGINES": {{"supervisord": {{"DIRECTORY": {directory!r}}}}},
}}
PRODUCTION_PROCESSES = {{
    "setup": {{"COMMAND": ["sh", "-c", "echo done >> setup.txt"], "TYPE": "task"}},
    "odd": {{"COMMAND": ["sh", "-c", "env -0 > env.bin; exec sleep 1000"], "LIMITS": {{"FILES": 500}},
             "ENV": {{"ODD": {odd!r}, "PLAIN": {plain!r}}}}},
}}
"""
WORKER = """
PRODUCTION_STACK = {{"NAME": "story", "BACKOFF": {{"STEADY": 1}}, "ENGINES": {{"supervisord": {{"DIRECTORY": {!r}}}}}}}
PRODUCTION_PROCESSES = {{
    "worker": {{"BACKEND": "celery-worker", "APP": "myproject.celery", "ARGS": {{"concurrency": 1}}}},
}}
"""
LONG_TASK = """

@app.task(name="long")
def long():
    for name in ("began", "may-end"):
        open(name).read()  # a FIFO
    open("finished", "w").close()
"""
NOBODY = pwd.getpwnam("nobody")
SETPRIV = ("setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups")
ODD = "50% of #1; 'a' \"b\"\n$HOME \\ \u00fc %(here)s"
PLAIN = "50% \u00fc, $HOME \\ x"


class Site:
    """The site in a folder of its own, and its supervisord."""

    def __init__(self, project: Project, engine: Path) -> None:
        self.project = project
        self.engine = engine
        make_site(project, self.declaration())
        (project.directory / "site.env").write_text("FROM_FILE='a b'\n")

    def declaration(self) -> str:
        return DECLARATION.format(directory=str(self.engine), odd=ODD, plain=PLAIN)


def members(engine: Path, project: Project) -> list[int]:
    """The pids of supervisord and of every instance's tree."""
    marks = (f"{engine}/".encode(), f"\0PWD={project.directory}\0".encode())
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _belongs(pid, marks)]


def end(engine: Path, project: Project) -> None:
    """Take down what a failed test has left: supervisord first, or it starts the others again."""
    project.run("down")
    for pid in sorted(members(engine, project)):
        os.kill(pid, signal.SIGKILL)


def _belongs(pid: int, marks: tuple[bytes, bytes]) -> bool:
    try:
        command, environment = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    except OSError:
        return False
    return pid != os.getpid() and (marks[0] in command or marks[1] in b"\0" + environment)


@pytest.fixture
def site(project: Project, tmp_path: Path) -> Iterator[Site]:
    made = Site(project, tmp_path / "s")
    yield made
    end(made.engine, made.project)


class Folder:
    """The feed reader in a folder of this machine."""

    begin: tuple[str, ...] = ("apply", "--engine", "supervisord")

    def __init__(self, project: Project, engine: Path, broker: str) -> None:
        self._project = project
        project.within_seconds = STORY_SECONDS  # a roll waits for three servers, one after the other
        self._engine = engine
        self.port = free_port()
        engines = {"supervisord": {"DIRECTORY": str(engine)}}
        make_feedreader(project.directory, self.port, broker, {"BACKOFF": {"STEADY": 1}, "ENGINES": engines})

    def procession(self, *words: str) -> Ended:
        return self._project.run(*words)

    def kill(self, instance: str) -> None:
        os.kill(self._project.instance(instance)["pid"], signal.SIGKILL)

    def release(self, *, boots: bool) -> None:
        write_release(self._project.directory, boots=boots)

    def left(self) -> Iterable[str]:
        sockets = [str(path) for path in self._engine.iterdir() if path.is_socket()]
        return [f"pid {pid}" for pid in members(self._engine, self._project)] + sockets


@pytest.fixture
def folder(project: Project, tmp_path: Path, broker: str) -> Iterator[Folder]:
    engine = tmp_path / "s"
    yield Folder(project, engine, broker)
    end(engine, project)


@pytest.mark.slow
@pytest.mark.timeout(STORY_SECONDS)
def test_the_story_on_supervisord(folder: Folder) -> None:
    tell(folder)


@pytest.mark.slow
@pytest.mark.timeout(MANY_SECONDS)
def test_what_is_declared_reaches_the_program_and_apply_goes_back_to_it(site: Site) -> None:
    project = site.project
    assert "setup: done" in project.ok("apply", "--engine", "supervisord").err
    assert (project.directory / "setup.txt").read_text() == "done\n"
    assert project.instance("setup.1")["phase"] == "done"
    reads_back(project)
    project.ok("scale", "odd=2")
    assert set(pids(project)) == {"odd.1", "odd.2"}
    project.ok("stop", "odd.1")
    assert project.ok("apply").out.startswith(f"{site.engine}/supervisord.conf: changed"), "back to what is declared"
    assert set(pids(project)) == {"odd.1"}
    events = project.ok("events", "odd.1", "-n", "all").out
    assert "stopped: odd.1" in events
    assert "odd.2" not in events
    project.ok("down")
    assert project.run("status").code == 3


def reads_back(project: Project) -> None:
    there = (project.directory / "env.bin").read_bytes().split(b"\0")
    for name, value in (("ODD", ODD), ("PLAIN", PLAIN), ("FROM_FILE", "a b"), ("PROCESSION_INSTANCE", "odd.1")):
        assert f"{name}={value}".encode() in there
    limits = Path(f"/proc/{pids(project)['odd.1']}/limits").read_text()
    assert "500" in next(line for line in limits.splitlines() if line.startswith("Max open files")).split()


@pytest.mark.slow
@pytest.mark.timeout(MANY_SECONDS)
def test_a_task_that_runs_when_its_worker_is_stopped_is_finished(site: Site) -> None:
    project = site.project
    write_settings(project, WORKER.format(str(site.engine)))
    celery = project.directory / "myproject/celery.py"
    celery.write_text(celery.read_text() + LONG_TASK)
    for name in ("began", "may-end"):
        os.mkfifo(project.directory / name)
    project.ok("apply", "--engine", "supervisord")
    send = [sys.executable, "-c", "from myproject.celery import app; app.send_task('long')"]
    subprocess.run(send, cwd=project.directory, check=True)
    (project.directory / "began").write_text("")  # waits for the task to read it
    with project.piped("stop", "worker", out=project.directory / "stop.out") as stopping:
        await_true(lambda: project.instance("worker.1")["phase"] == "stopping", "the worker was told to stop")
        assert not (project.directory / "finished").exists()
        (project.directory / "may-end").write_text("")
        assert stopping.wait(MANY_SECONDS) == 0
    assert (project.directory / "finished").exists()
    assert project.instance("worker.1")["phase"] == "stopped"


@pytest.mark.slow
@pytest.mark.timeout(MANY_SECONDS)
def test_what_a_killed_supervisord_leaves_is_ended_before_the_next_one_starts_it_again(site: Site) -> None:
    project = site.project
    project.ok("apply", "--engine", "supervisord")
    before = pids(project)["odd.1"]
    kill_supervisord(site)
    assert project.run("status").code == 3
    assert Path(f"/proc/{before}").exists(), "it goes on"
    assert f"odd.1: pid {before} ended" in project.ok("apply").err
    assert not Path(f"/proc/{before}").exists()
    kill_supervisord(site)
    assert "odd.1: pid" in project.ok("down").err
    assert members(site.engine, project) == []


def kill_supervisord(site: Site) -> None:
    pid = int((site.engine / "supervisord.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    await_true(lambda: not Path(f"/proc/{pid}/exe").exists(), "supervisord is dead")


@pytest.mark.timeout(MANY_SECONDS)
def test_apply_shows_refuses_and_changes_nothing_when_it_must_not(site: Site) -> None:
    project = site.project
    shown = project.ok("apply", "--engine", "supervisord", "--dry-run")
    assert "+[program:odd.1]" in shown.out
    assert "supervisord -c" in shown.out
    assert not site.engine.exists()
    assert project.run("status", "--engine", "supervisord").code == 4, "nothing was applied"
    site.engine.mkdir()
    (site.engine / "supervisord.conf").write_text("mine\n")
    refused = project.run("apply", "--engine", "supervisord")
    assert refused.code == 4
    assert "is not ours" in refused.err
    assert [path.name for path in site.engine.iterdir()] == ["supervisord.conf"]


@pytest.mark.timeout(MANY_SECONDS)
def test_a_task_that_fails_ends_apply_and_nothing_is_started(site: Site) -> None:
    project = site.project
    text = site.declaration().replace("echo done >> setup.txt", "exit 7")
    write_settings(project, text)
    refused = project.run("apply", "--engine", "supervisord")
    assert refused.code == 1
    assert "setup ended with 7" in refused.err
    assert members(site.engine, site.project) == []
    remembered = project.stack_directory / "engine.json"
    assert "supervisord.conf" in json.loads(remembered.read_text())["pending"]
    write_settings(project, site.declaration())
    assert "supervisord.conf" in project.ok("apply").err, "it goes on with what was left"
    assert json.loads(remembered.read_text())["pending"] == []


def install_supervisord(folder: Path, python: str) -> None:
    """Beside that Python: it is run by nobody, too."""
    (packages,) = (folder / "lib").glob("python3.*/site-packages")
    copy_distribution("supervisor", packages)
    for name in ("supervisord", "supervisorctl"):
        path = folder / "bin" / name
        path.write_text(f"#!{python}\nimport sys\nfrom supervisor.{name} import main\nsys.exit(main())\n")
        path.chmod(0o755)


@pytest.fixture
def nobodys() -> Iterator[Site]:
    """In a folder that nobody may enter, with a Python that nobody can run; tmp_path is root's own."""
    folder = Path(tempfile.mkdtemp(prefix="procession-"))
    folder.chmod(0o755)
    python = make_python(folder, SETPRIV)
    assert python, "nobody can run none of the Pythons here"
    install_supervisord(folder, python)
    project = Project(folder / "site")
    project.command = (python, "-m", "procession")
    made = Site(project, folder / "s")
    yield made
    end(made.engine, made.project)
    shutil.rmtree(folder)


@pytest.mark.root
@pytest.mark.timeout(MANY_SECONDS)
def test_all_of_one_user_is_that_users(nobodys: Site) -> None:
    """Started by root, supervisord becomes that user as well: neither it nor its files need root after that."""
    engine = {"supervisord": {"DIRECTORY": str(nobodys.engine)}}
    stack = {"NAME": "story", "USER": "nobody", "BACKOFF": {"STEADY": 1}, "ENGINES": engine}
    processes = {"odd": {"COMMAND": ["sh", "-c", "echo I am $USER; exec sleep 1000"]}}
    write_settings(nobodys.project, f"PRODUCTION_STACK = {stack!r}\nPRODUCTION_PROCESSES = {processes!r}\n")
    nobodys.project.ok("apply", "--engine", "supervisord")
    assert "I am nobody" in nobodys.project.ok("logs").out
    nobodys.project.ok("scale", "odd=2")
    assert set(pids(nobodys.project)) == {"odd.1", "odd.2"}
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in members(nobodys.engine, nobodys.project)} == {NOBODY.pw_uid}
    assert {path.stat().st_uid for path in (nobodys.engine, *nobodys.engine.rglob("*"))} == {NOBODY.pw_uid}
    assert stat.S_IMODE(nobodys.engine.stat().st_mode) == 0o700
    assert stat.S_IMODE((nobodys.engine / "supervisor.sock").stat().st_mode) == 0o700
    nobodys.project.ok("down")
    assert members(nobodys.engine, nobodys.project) == []


@pytest.mark.root
@pytest.mark.timeout(MANY_SECONDS)
def test_root_follows_no_link_that_the_sites_user_has_put_there(nobodys: Site) -> None:
    """A compromised site must not become root at the next apply. And its user gets to its folder in one of root's."""
    project = nobodys.project
    engine, roots = project.directory / ".procession/supervisord", project.directory / "roots"
    project.stack_directory.mkdir(mode=0o700)
    roots.write_text("secret\n")
    stack = {"NAME": "story", "USER": "nobody", "BACKOFF": {"STEADY": 1}}
    task = {"COMMAND": ["ln", "-sf", str(roots), f"{engine}/ready/setup.1"], "TYPE": "task"}
    processes = {"setup": task, "odd": {"COMMAND": ["sleep", "1000"]}}
    write_settings(project, f"PRODUCTION_STACK = {stack!r}\nPRODUCTION_PROCESSES = {processes!r}\n")
    try:
        project.ok("apply", "--engine", "supervisord")
        assert (roots.read_text(), roots.stat().st_uid) == ("secret\n", 0)
        assert project.instance("odd.1")["phase"] == "ready"
        assert stat.S_IMODE(project.stack_directory.stat().st_mode) == 0o710
    finally:
        end(engine, project)


@pytest.mark.timeout(MANY_SECONDS)
def test_two_engines_never_run_a_site_at_once(site: Site) -> None:
    project = site.project
    (project.stack_directory).mkdir(exist_ok=True)
    stack = json.loads(project.ok("render").out)
    data = {"engine": "systemd", "directory": "/x", "stack": stack}
    (project.stack_directory / "engine.json").write_text(json.dumps(data))
    refused = project.run("apply", "--engine", "supervisord")
    assert refused.code == 4
    assert "systemd runs the site" in refused.err
    (project.stack_directory / "engine.json").unlink()


@pytest.mark.timeout(MANY_SECONDS)
def test_a_hand_edit_is_refused_and_nothing_new_changes_nothing(site: Site) -> None:
    project = site.project
    stack = {"NAME": "story", "BACKOFF": {"STEADY": 1}, "ENGINES": {"supervisord": {"DIRECTORY": str(site.engine)}}}
    write_settings(
        project, f"PRODUCTION_STACK = {stack!r}\nPRODUCTION_PROCESSES = {{'odd': {{'COMMAND': 'sleep 99'}}}}\n"
    )
    project.ok("apply", "--engine", "supervisord")
    before = pids(project)
    assert "2 files, none changed" in project.ok("apply").out
    assert pids(project) == before
    conf = site.engine / "supervisord.conf"
    conf.write_text(conf.read_text().replace("stopwaitsecs=30", "stopwaitsecs=31"))
    refused = project.run("apply")
    assert refused.code == 4
    assert "was edited by hand" in refused.err
    assert "stopwaitsecs=31" in conf.read_text()
    project.ok("apply", "--overwrite")
    assert "stopwaitsecs=30" in conf.read_text()
    assert project.run("logs", "--since", "1h").code == 2, "its lines have no times"
    assert "supervisorctl -c" in project.ok("restart", "odd", "--dry-run").out
    assert pids(project) == before
    assert project.run("scale", "nobody=2").code == 2
    project.ok("down")
    assert members(site.engine, site.project) == []
