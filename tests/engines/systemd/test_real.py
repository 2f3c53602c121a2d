"""The whole story, by a real systemd: the feed reader is applied, serves, is killed, rolled, scaled, leaves nothing."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from procession.engines.systemd.options import Options
from procession.engines.systemd.render import render
from procession.stack.model import Kind, Probe, ProbeType, Process, RestartWhen, Stack
from tests.engines.systemd.machine import REPOSITORY, Machine, booted, needs_machine, wait

pytestmark = [pytest.mark.slow, pytest.mark.root, needs_machine, pytest.mark.timeout(600)]
VALUES = [
    "a b",
    "50%",
    "%i %%",
    "$HOME ${HOME} $$",
    "'\"",
    "\\",
    "\\n",
    "a\nb",
    "# no comment",
    "ä€😀",
    ";",
    "",
    "`id`",
]
SHOW = "import json, os, sys; json.dump([sys.argv[1:], dict(os.environ)], open('said.json', 'w'))"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with booted(tmp_path_factory.mktemp("machine") / "") as found:
        yield found


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def site(machine: Machine, port: int) -> Machine:
    """The feed reader in /srv/site, which www-data owns, applied."""
    machine.run("cp", "-r", str(REPOSITORY / "examples/feedreader"), "/srv/site")
    machine.run("chown", "-R", "www-data:www-data", "/srv/site")
    declare(machine, port)
    done = machine.procession("apply", "--engine", "systemd")
    assert done.returncode == 0, done.stderr
    return machine


def declare(machine: Machine, port: int, replicas: int = 2) -> None:
    settings = (REPOSITORY / "examples/feedreader/feedreader/settings.py").read_text()
    stack = {"USER": "www-data", "NAME": "feeds", "ENV": {"PORT": str(port), "DATA": "/srv/site/data"}}
    more = [f"PRODUCTION_STACK = {stack}", f'PRODUCTION_PROCESSES["web"]["REPLICAS"] = {replicas}']
    more += [f'PRODUCTION_PROCESSES["web"]["ARGS"]["bind"] = "127.0.0.1:{port}"']
    machine.write("/srv/site/feedreader/settings.py", "\n".join([settings, *more, ""]))


def states(machine: Machine) -> dict[str, str]:
    rows = json.loads(machine.procession("status", "--json").stdout)["instances"]
    return {row["name"]: row["phase"] for row in rows}


def pids(machine: Machine) -> dict[str, int]:
    rows = json.loads(machine.procession("status", "--json").stdout)["instances"]
    return {row["name"]: row["pid"] for row in rows}


def answer(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as response:
        return int(response.status)


@contextmanager
def load(port: int) -> Iterator[Counter[str]]:
    """Visitors, two at a time; what they got, as they go."""
    got: Counter[str] = Counter()
    ended = threading.Event()

    def visit() -> None:
        while not ended.is_set():
            try:
                got[str(answer(port))] += 1
            except OSError as error:
                got[repr(error)] += 1

    visitors = [threading.Thread(target=visit) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    try:
        yield got
    finally:
        ended.set()
        for visitor in visitors:
            visitor.join()


def test_everything_is_ready_and_pages_answer(site: Machine, port: int) -> None:
    assert states(site) == {
        "migrate.1": "done",
        "static.1": "done",
        "seed.1": "done",
        "web.1": "ready",
        "web.2": "ready",
        "worker.1": "ready",
        "beat.1": "ready",
    }
    assert answer(port) == 200
    again = site.procession("apply")
    assert "none changed" in again.stdout, again.stdout + again.stderr


def test_one_that_is_killed_comes_back(site: Machine, port: int) -> None:
    before = pids(site)
    site.run("kill", "-9", str(before["web.1"]))
    wait(lambda: states(site)["web.1"] == "ready" and pids(site)["web.1"] != before["web.1"], "web.1 is back")
    assert pids(site)["web.2"] == before["web.2"]


def test_a_roll_under_load_fails_nobody(site: Machine, port: int) -> None:
    before = pids(site)
    with load(port) as got:
        done = site.procession("roll", "web")
    assert done.returncode == 0, done.stderr
    assert set(got) == {"200"}, got
    after = pids(site)
    assert {name for name in before if before[name] != after[name]} == {"web.1", "web.2"}


def test_a_roll_of_broken_code_leaves_the_old_ones(site: Machine, port: int) -> None:
    before = pids(site)
    wsgi = (REPOSITORY / "examples/feedreader/feedreader/wsgi.py").read_text()
    site.write("/srv/site/feedreader/wsgi.py", 'raise RuntimeError("broken deploy")\n')
    done = site.procession("roll", "web")
    site.write("/srv/site/feedreader/wsgi.py", wsgi)
    assert done.returncode == 1
    assert "web.3 did not become ready, and the old ones serve on" in done.stderr
    assert pids(site) == before
    assert answer(port) == 200


def test_scale_and_restart(site: Machine) -> None:
    assert site.procession("scale", "web=3").returncode == 0
    assert states(site)["web.3"] == "ready"
    assert site.procession("scale", "web=2").returncode == 0
    assert "web.3" not in states(site)
    before = pids(site)
    assert site.procession("restart", "beat").returncode == 0
    assert {name for name, pid in pids(site).items() if before[name] != pid} == {"beat.1"}


def test_a_change_of_the_declaration_is_applied(site: Machine, port: int) -> None:
    declare(site, port, replicas=1)
    done = site.procession("apply")
    assert done.returncode == 0, done.stderr
    assert "web.2" not in states(site)
    assert answer(port) == 200


def test_logs_and_events_are_the_journal(site: Machine) -> None:
    assert "Listening at" in site.procession("logs", "web", "--lines", "1000").stdout
    events = site.procession("events").stdout
    assert "Started feeds-web@1.service" in events
    assert "Listening at" not in events


def test_down_leaves_nothing(site: Machine, port: int) -> None:
    done = site.procession("down")
    assert done.returncode == 0, done.stderr
    assert site.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "feeds*").stdout == ""
    assert site.run("sh", "-c", "ls -R /etc/systemd/system /run | grep feeds").stdout == ""
    assert site.run("pgrep", "-f", "gunicorn feedreader").stdout == ""
    with pytest.raises(urllib.error.URLError):
        answer(port)


def test_any_value_gets_to_the_process_as_it_was(machine: Machine) -> None:
    said = show(machine, VALUES, {f"Q{number}": value for number, value in enumerate(VALUES)})
    assert said[0] == VALUES
    assert {key: value for key, value in said[1].items() if key[0] == "Q"} == {
        f"Q{number}": value for number, value in enumerate(VALUES)
    }


def show(machine: Machine, argv: list[str], environment: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """What a task of these words and variables finds, in a directory whose name is no plain word either."""
    directory = "/srv/100% $HOME ä"
    task = Process(
        name="show",
        kind=Kind.TASK,
        backend="command",
        argv=("/usr/bin/python3", "-c", SHOW, *argv),
        environment=environment,
        directory=directory,
        readiness=Probe(type=ProbeType.NONE),
        restart=RestartWhen.NEVER,
    )
    task = replace(task, user="root")
    machine.run("mkdir", directory)
    for file in render(Stack(name="quote", directory=directory, processes=(task,)), Options()).files:
        machine.write(f"/etc/systemd/system/{file.path}", file.marked("quote"))
    machine.run("systemctl", "daemon-reload")
    done = machine.run("systemctl", "start", "quote-show.service")
    assert done.returncode == 0, machine.run("journalctl", "-u", "quote-show").stdout
    said = json.loads(machine.run("cat", f"{directory}/said.json").stdout)
    return said[0], said[1]
