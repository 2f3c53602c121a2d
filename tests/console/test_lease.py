"""`procession lease`: it becomes the holder, which ends as the command does; and what the command can ask of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from procession.lease.record import Record, read
from procession.lease.redis import Redis
from tests.console.project import COMMAND, DEADLINE_SECONDS, Project, await_true
from tests.servers import redis_server

NAME = "shop/beat"
LEASE = ("lease", "--name", NAME)
ECHO = "trap 'echo hup' HUP; trap 'exit 7' TERM; echo on; while :; do sleep 0.05; done"
ASK = "import sys\nfrom procession.django.lease import holds\nfor line in sys.stdin: print(holds(), flush=True)"


@pytest.fixture
def redis() -> Iterator[str]:
    """A Redis that wants a password, and knows that the lease is free."""
    with redis_server("--requirepass", "hunter2") as path:
        url = f"unix://:hunter2@{path}"
        with closing(Redis(url)) as store:
            store.exchange(NAME, None, Record(1, "", "first").text())
        yield url


@contextmanager
def lease(project: Project, store: str, *command: str) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [*COMMAND, *LEASE, "--in", store, "--", *command],
        cwd=project.directory,
        env=project.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout
    return child.stdout.readline().strip()


def answer(child: subprocess.Popen[str]) -> str:
    """What `holds()` gives in it now."""
    assert child.stdin
    print(file=child.stdin, flush=True)
    return said(child)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*LEASE, "--in", "redis://localhost"), "say what to run"),
        ((*LEASE, "--", "true"), "say where: --in STORE"),
        ((*LEASE, "--in", "memcached://localhost", "--", "true"), "say where: --in STORE"),
        ((*LEASE, "--in", "redis://localhost:x", "--", "true"), "its port or its host is none"),
        (("lease", "--in", "redis://localhost", "--", "true"), "--name"),
    ],
)
def test_wrong_usage(project: Project, arguments: tuple[str, ...], says: str) -> None:
    ended = project.run(*arguments)
    assert ended.code == 2, ended
    assert says in ended.err


@pytest.mark.parametrize(
    ("command", "code"), [("exit 7", 7), ("kill -9 $$", -signal.SIGKILL), ("exec /no/such/program", 127)]
)
def test_it_ends_as_the_command_does(project: Project, redis: str, command: str, code: int) -> None:
    assert project.run(*LEASE, "--in", redis, "--", "sh", "-c", command).code == code


def test_the_store_may_be_in_the_environment(project: Project, redis: str) -> None:
    ended = project.run(
        *LEASE, "--", "sh", "-c", "echo $PROCESSION_LEASE_NAME", environment={"PROCESSION_LEASE_IN": redis}
    )
    assert (ended.code, ended.out) == (0, f"{NAME}\n"), ended


def test_signals_are_passed_on_and_no_password_is_in_its_command_line(project: Project, redis: str) -> None:
    with lease(project, redis, "sh", "-c", ECHO) as child:
        assert said(child) == "on"
        assert b"hunter2" not in Path(f"/proc/{child.pid}/cmdline").read_bytes()
        child.send_signal(signal.SIGHUP)
        assert said(child) == "hup"
        child.send_signal(signal.SIGTERM)
        assert child.wait(DEADLINE_SECONDS) == 7


def test_a_program_that_lost_its_lease_while_the_holder_was_frozen_can_know(project: Project, redis: str) -> None:
    with lease(project, redis, sys.executable, "-c", ASK) as child, closing(Redis(redis)) as store:
        assert answer(child) == "True"
        os.kill(child.pid, signal.SIGSTOP)
        await_true(lambda: ") T " in Path(f"/proc/{child.pid}/stat").read_text(), "it goes on")
        mine = read(store.read(NAME) or "")
        assert mine
        take(store, Record(mine.token, "", mine.nonce))
        assert answer(child) == "False", "it was given back"
        take(store, Record(mine.token + 1, "another", "nonce"))
        assert answer(child) == "False", "another has it"
        take(store, mine)
        assert answer(child) == "True"
        os.unlink(redis.rpartition("@")[2])
        assert answer(child) == "False", "the store cannot be asked"


def take(store: Redis, record: Record) -> None:
    assert store.exchange(NAME, store.read(NAME), record.text()) == record.text()


def test_without_a_lease_there_is_nothing_to_lose(project: Project) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASK], input="\n", env=project.environment(), capture_output=True, text=True, check=True
    )
    assert asked.stdout == "True\n"
