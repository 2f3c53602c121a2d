"""Holders as they are: real processes, a real Redis; killed, stopped, cut off, and a store that forgets."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from procession.lease.holder import EXIT_LOST
from procession.lease.record import Record
from procession.lease.redis import Redis
from procession.lease.store import Store, StoreError
from tests.lease.beats import REDIS_HOLDER, Holder, Notebook, is_running, now, until
from tests.lease.way import proxy
from tests.servers import redis_at, redis_server

NAME = "shop/beat"
Hold = Callable[..., Holder]


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    notebook = Notebook(tmp_path / "notebook")
    yield notebook
    notebook.check()
    until(lambda: not any(is_running(beat.pid) for beat in notebook.beats()), "a program outlived its holder")


@pytest.fixture
def hold(redis: str, notebook: Notebook) -> Iterator[Hold]:
    """Start a holder, of the notebook's program or another; the store knows of the lease, and that it is free."""
    begun: list[Holder] = []
    with closing(Redis(redis)) as store:
        store.exchange(NAME, None, Record(1, "", "first").text())

    def start(host: str, *argv: str, url: str = redis, more: tuple[str, ...] = ()) -> Holder:
        words = (*REDIS_HOLDER, "--name", NAME, "--in", url, *more, "--", *(argv or notebook.program(host)))
        begun.append(Holder(words))
        return begun[-1]

    yield start
    for holder in begun:
        holder.close()


def test_the_next_begins_when_the_holder_stops(hold: Hold, notebook: Notebook) -> None:
    one = hold("one")
    notebook.await_beats(1)
    hold("two")
    hold("three")
    assert one.stop() == 7, "its exit code is the program's"
    beats = notebook.await_beats(2)
    assert beats[1].first - beats[0].last < 8.0, "it waited for the lease to expire, though it was given back"


def test_a_program_dies_with_its_holder_and_another_takes_over(hold: Hold, notebook: Notebook) -> None:
    one = hold("one")
    [beat] = notebook.await_beats(1)
    hold("two")
    one.kill()
    until(lambda: not is_running(beat.pid), "the program outlives its holder")
    assert notebook.await_beats(2)[1].host == "two"


def test_who_cannot_renew_is_dead_before_the_next_begins(hold: Hold, notebook: Notebook, redis: str) -> None:
    """The holder reaches the store by a way of its own, which is cut."""
    with proxy(redis.removeprefix("unix://")) as way:
        one = hold("one", url=f"unix://{way.path}")
        notebook.await_beats(1)
        hold("two")
        way.cut()
        assert one.wait() == EXIT_LOST
        assert "what ran under it was killed" in one.errors()
        assert [beat.host for beat in notebook.await_beats(2)] == ["one", "two"]


def test_a_store_that_forgets_everything_changes_nothing(hold: Hold, notebook: Notebook, redis: str) -> None:
    one = hold("one")
    notebook.await_beats(1)
    hold("two")
    with closing(Redis(redis)) as store:
        store._ask(b"FLUSHALL")
        until(lambda: f"(pid {one.popen.pid})" in (store.read(NAME) or ""), "it is not put back")
    before = now()
    until(lambda: notebook.beats()[0].last > before, "the holder does not go on")
    assert len(notebook.beats()) == 1


def test_a_store_that_is_killed_and_comes_back_empty(hold: Hold, notebook: Notebook, redis: str) -> None:
    """In time the holder puts its lease back, if the machine is not too slow for that; else it ends in order."""
    one = hold("one")
    notebook.await_beats(1)
    hold("two")
    kill_redis(redis)
    with redis_at(redis.removeprefix("unix://")), closing(Redis(redis)) as store:
        until(lambda: "(pid" in (store.read(NAME) or ""), "nobody has it again")
        before = now()
        until(lambda: notebook.beats()[-1].last > before, "nobody beats again")
        assert len(notebook.beats()) == 1 or one.wait() == EXIT_LOST


def test_a_store_that_is_away_for_long_and_comes_back_empty(hold: Hold, notebook: Notebook, redis: str) -> None:
    one = hold("one")
    notebook.await_beats(1)
    hold("two")
    kill_redis(redis)
    assert one.wait() == EXIT_LOST
    with redis_at(redis.removeprefix("unix://")):
        assert [beat.host for beat in notebook.await_beats(2)] == ["one", "two"]


def test_signals_reach_the_program(hold: Hold, notebook: Notebook) -> None:
    one = hold("one")
    notebook.await_beats(1)
    one.popen.send_signal(signal.SIGHUP)
    until(lambda: any(line["word"] == "hup" for line in notebook.lines()), "no HUP came")
    one.popen.send_signal(signal.SIGABRT)
    assert one.wait() == -signal.SIGABRT


def test_one_that_stands_by_stops_at_once(hold: Hold, notebook: Notebook) -> None:
    hold("one")
    notebook.await_beats(1)
    two = hold("two")
    two.popen.send_signal(signal.SIGTERM)
    assert two.wait() == -signal.SIGTERM
    assert len(notebook.beats()) == 1


def test_what_the_program_leaves_behind_is_gone_before_the_lease_is_given_back(hold: Hold, notebook: Notebook) -> None:
    begin = (
        "import os, sys\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.execv(sys.argv[1], sys.argv[1:])\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    )
    one = hold("one", sys.executable, "-c", begin, *notebook.program("one"))
    assert one.wait() == 0
    hold("two")
    until(lambda: bool(notebook.beats()) and notebook.beats()[-1].host == "two", "two does not begin")


def test_a_program_that_is_not_there(hold: Hold) -> None:
    one = hold("one", "/no/such/program")
    assert one.wait() == 127
    assert "cannot run /no/such/program: No such file or directory" in one.errors()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://127.0.0.1:1/0", "cannot ask redis://127.0.0.1:1: Connection refused"),
        ("redis://:hunter2@127.0.0.1:1/0", "cannot ask redis://127.0.0.1:1: Connection refused"),
        ("unix:///no/such/socket", "cannot ask unix:/no/such/socket: No such file or directory"),
    ],
)
def test_a_store_that_cannot_be_asked_says_why_and_no_secret(url: str, said: str) -> None:
    with pytest.raises(StoreError) as caught:
        Redis(url).read(NAME)
    assert str(caught.value) == said


def test_a_redis_that_wants_a_password() -> None:
    with redis_server("--requirepass", "hunter2") as path:
        with pytest.raises(StoreError, match="NOAUTH"):
            Redis(f"unix://{path}").read(NAME)
        with pytest.raises(StoreError, match="WRONGPASS"):
            Redis(f"unix://:wrong@{path}").read(NAME)
        with closing(Redis(f"unix://:hunter2@{path}?db=3")) as store:
            exchanges(store)


def kill_redis(url: str) -> None:
    with closing(Redis(url)) as store:
        found = re.search(r"process_id:(\d+)", store._ask(b"INFO", b"server") or "")
    assert found
    os.kill(int(found[1]), signal.SIGKILL)
    until(lambda: not is_running(int(found[1])), "Redis goes on")


def exchanges(store: Store) -> None:
    """What both stores do."""
    assert store.read(NAME) is None
    assert store.exchange(NAME, None, "a") == "a"
    assert store.exchange(NAME, None, "b") == "a"
    assert store.exchange(NAME, "a", "b") == "b"
    assert store.exchange(NAME, "a", "c") == "b"
    assert store.read(NAME) == "b"
