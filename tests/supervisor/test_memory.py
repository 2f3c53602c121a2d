"""How much memory a tree uses is looked at where nothing else holds it to its limit; and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NoReturn

import pytest

from procession.loop import Loop
from procession.stack.model import Kind, Limits
from procession.supervisor.core.events import Grown, MemoryKilled
from procession.supervisor.core.instance import OutOfMemory
from procession.supervisor.linux import memory, procfs
from procession.supervisor.linux.group import parse_memory_events
from tests.supervisor.programs import DEADLINE_SECONDS
from tests.supervisor.site import process

MIB = 2**20
# A parent of 40 MiB and its child, who share these and have 30 MiB more each.
FAMILY = f"""
import os, sys
shared = bytearray(b"x") * (40 * {MIB})
child = os.fork()
own = bytearray(b"y") * (30 * {MIB})
print("grown", flush=True)
sys.stdin.read()
"""
News = Grown | MemoryKilled


@pytest.fixture
def family() -> Iterator[int]:
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    assert [child.stdout.readline() for _ in range(2)] == ["grown\n"] * 2
    yield child.pid
    assert child.stdin
    child.stdin.close()
    child.stdout.read()  # until both have ended
    child.wait()
    child.stdout.close()


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(memory, "NEAR_SECONDS", 0.01)


def watch(pid: int, *, limit_bytes: int, kind: Kind = Kind.PROCESS) -> tuple[Loop, list[News]]:
    loop, heard = Loop(), list[News]()
    declared = process("web", ("true",), limits=Limits(memory_bytes=limit_bytes), kind=kind)
    memory.Memory(loop, heard.append).watch("web.1", 7, declared, pid, None)
    return loop, heard


def test_what_a_family_shares_counts_once(family: int) -> None:
    loop, heard = watch(family, limit_bytes=64 * MIB)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not heard:
        assert time.monotonic() < deadline
        loop.wait(deadline)
    (news,) = heard
    assert isinstance(news, Grown)
    assert (news.name, news.life) == ("web.1", 7)
    assert 100 * MIB < news.used_bytes < 130 * MIB


def test_below_its_limit_it_is_looked_at_again_and_again_and_nothing_is_told(family: int) -> None:
    loop, heard = watch(family, limit_bytes=1024 * MIB)
    for _ in range(5):
        assert loop.has_deadline(("weigh", 7))
        loop.wait(None)
    assert heard == []


@pytest.mark.parametrize(("limit_bytes", "kind"), [(0, Kind.PROCESS), (MIB, Kind.TASK)])
def test_nothing_wakes_the_supervisor_for_what_need_not_be_weighed(limit_bytes: int, kind: Kind) -> None:
    loop, _ = watch(os.getpid(), limit_bytes=limit_bytes, kind=kind)
    assert not loop.has_deadline(("weigh", 7))


def test_memory_that_is_not_ours_to_look_at_counts_as_resident(monkeypatch: pytest.MonkeyPatch, family: int) -> None:
    assert procfs.read_memory(family) < 60 * MIB
    real = procfs.read_file
    monkeypatch.setattr(procfs, "read_file", lambda path: b"" if path.endswith("smaps_rollup") else real(path))
    assert procfs.read_memory(family) > 70 * MIB
    assert procfs.read_memory(2**22 + 1) == 0


@pytest.mark.parametrize("status", [0, 1, -15, None])
def test_only_a_sigkill_can_be_for_lack_of_memory(status: int | None) -> None:
    watching = memory.Memory(Loop(), _never)
    watching._kills = -1  # as if the killer had run since
    assert watching.killer("web.1", 7, status) is OutOfMemory.NO
    assert watching.killer("web.1", 7, -9) is OutOfMemory.LIKELY
    assert watching.killer("web.1", 8, -9) is OutOfMemory.NO


def test_counts_that_the_kernel_leaves_out() -> None:
    assert parse_memory_events("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n") == (3, 2)
    assert parse_memory_events("") == (0, 0)


def _never(_news: News) -> NoReturn:
    raise AssertionError("nobody is weighed here")
