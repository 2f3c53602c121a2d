"""Two hosts, each in a network of its own, with a Redis that both reach until their cable is pulled."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.console.project import COMMAND, Project
from tests.lease.beats import Notebook, now, until
from tests.servers import redis_server

TAKEOVER_SECONDS = 30.0  # 8 s to be sure, and what a slow machine adds; the order is what counts


class Host(Project):
    """A project in a network namespace, with locks of its own; its cable leads to ours."""

    def __init__(self, directory: Path, number: int) -> None:
        super().__init__(directory)
        self.name = f"p{uuid4().hex[:8]}"
        self.cable, their_end = f"{self.name}a", f"{self.name}b"
        net = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
        self.redis = f"{net}.{number * 4 + 1}"
        ip("netns", "add", self.name)
        ip("link", "add", self.cable, "type", "veth", "peer", "name", their_end, "netns", self.name)
        ip("addr", "add", f"{self.redis}/30", "dev", self.cable)
        ip("link", "set", self.cable, "up")
        ip("-n", self.name, "addr", "add", f"{net}.{number * 4 + 2}/30", "dev", their_end)
        ip("-n", self.name, "link", "set", their_end, "up")
        self.command = ("ip", "netns", "exec", self.name, *COMMAND)
        (directory / "locks").mkdir()

    def environment(self, more: object = None) -> dict[str, str]:
        return {**super().environment(), "PROCESSION_LOCKS": str(self.directory / "locks")}

    def close(self) -> None:
        self.end()
        ip("link", "del", self.cable)
        ip("netns", "del", self.name)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    notebook = Notebook(tmp_path / "notebook")
    yield notebook
    notebook.check()


@pytest.fixture
def hosts(tmp_path: Path, notebook: Notebook) -> Iterator[tuple[Host, Host]]:
    """Both are up: the first one's beat runs, the second one's stands by."""
    if os.geteuid() != 0 or subprocess.run(["ip", "netns", "list"], check=False, capture_output=True).returncode:
        pytest.skip("network namespaces need root and iproute2")
    one, two = (Host(tmp_path / name, number) for number, name in enumerate(("one", "two")))
    port = 20000 + os.getpid() % 10000
    try:
        with redis_server("--port", str(port), "--bind", one.redis, two.redis, "--protected-mode", "no"):
            for name, host in (("one", one), ("two", two)):
                declare(host, notebook.program(name), f"redis://{host.redis}:{port}/0")
                host.ok("up", "--detach")
                notebook.await_beats(1)
            yield one, two
            one.end()
            two.end()
    finally:
        one.close()
        two.close()


def declare(host: Host, argv: tuple[str, ...], url: str) -> None:
    stack = f'[stack]\nNAME = "shop"\nLEASE = "{url}"\n'
    host.declare(f"{stack}[processes.beat]\nSINGLETON = true\nCOMMAND = {json.dumps(list(argv))}\n")


def test_the_beat_of_a_host_that_is_cut_off_is_dead_before_another_begins(
    hosts: tuple[Host, Host], notebook: Notebook
) -> None:
    one, two = hosts
    assert "holds the lease" in two.instance("beat.1")["why"]
    assert two.run("status").code == 0
    ip("link", "set", one.cable, "down")
    beats = notebook.await_beats(2)
    assert [beat.host for beat in beats] == ["one", "two"]
    until(lambda: "cannot ask redis://" in one.instance("beat.1")["why"], "it does not say what is wrong")
    ip("link", "set", one.cable, "up")
    until(lambda: "holds the lease" in one.instance("beat.1")["why"], "it does not stand by again")
    assert len(notebook.beats()) == 2


def test_another_host_takes_over_when_everything_of_one_is_killed(hosts: tuple[Host, Host], notebook: Notebook) -> None:
    one, two = hosts
    for pid in one.members():
        os.kill(pid, 9)
    killed = now()
    beats = notebook.await_beats(2)
    assert beats[1].host == "two"
    assert beats[1].first - killed < TAKEOVER_SECONDS
    until(lambda: two.instance("beat.1")["phase"] == "ready", "it is not called ready")
    print(f"took over after {beats[1].first - killed:.2f} s")


def test_another_host_takes_over_at_once_when_one_stops(hosts: tuple[Host, Host], notebook: Notebook) -> None:
    one, _ = hosts
    one.ok("stop", "beat")
    beats = notebook.await_beats(2)
    assert beats[1].host == "two"
    print(f"took over after {beats[1].first - beats[0].last:.2f} s")
