"""Limits that the controllers of cgroup v2 hold. Run by test_cgroup_limits.py, where there are such controllers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.recorder.reading.history import Wanted, read_events
from procession.stack.codec import to_data
from procession.stack.model import Alerts, Limits, RestartWhen, Stack
from procession.supervisor.linux import cgroups
from tests.faults.killing import kill_supervisor
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process

MIB = 2**20
STEADY = 'say("ready")\nstay()\n'
GREEDY = 'heap = []\nwhile True:\n    heap.append(bytearray(b"x") * 2**20)\n'
BASE = Path(cgroups.find_base().path)


def events(site: Site, kind: str) -> list[dict[str, object]]:
    return [dict(event.detail) for event in read_events(str(site.directory), Wanted()) if event.kind == kind]


@pytest.fixture
def delegated(site: Site) -> Iterator[Path]:
    """A group as systemd makes one for a unit with Delegate=yes."""
    group = BASE / f"delegated-{os.getpid()}"
    group.mkdir()
    (BASE / "cgroup.subtree_control").write_text("+memory +cpu +pids")
    os.setxattr(group, "trusted.delegate", b"1")
    yield group
    site.end()
    for path in (*group.glob("*/*/"), *group.glob("*/"), group):
        until(lambda path=path: _is_removed(path), f"{path} is not empty")  # type: ignore[misc]


def _is_removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def into(group: Path) -> tuple[str, ...]:
    return ("sh", "-c", f'echo 0 > {group}/cgroup.procs; exec "$@"', "sh")


def test_more_memory_than_the_limit_is_a_death_that_is_named(site: Site, stage: Stage) -> None:
    limits = Limits(memory_bytes=32 * MIB)
    site.begin(process("web", stage.program(GREEDY), limits=limits, restart=RestartWhen.NEVER))
    view = site.await_phase("web.1", "failed")
    assert view["last_exit"] == "killed by the kernel: out of memory (limit 32.0 MB)"
    assert site.status()["not_held"] == {}


def test_a_worker_that_is_killed_for_its_memory_is_an_event_and_the_main_process_stays(
    site: Site, stage: Stage
) -> None:
    body = f'os.waitpid(fork(lambda: exec({GREEDY!r})), 0)\nsay("alone")\nstay()\n'
    site.up(process("web", stage.program(body), limits=Limits(memory_bytes=32 * MIB)))
    main = stage.hear("alone").pid
    until(lambda: events(site, "out-of-memory") != [])
    text = "killed by the kernel: out of memory (limit 32.0 MB)"
    assert events(site, "out-of-memory") == [{"processes": 1, "text": text}]
    assert site.instance("web.1")["pid"] == main


def test_a_lack_of_memory_is_an_alert(site: Site, stage: Stage) -> None:
    body = f'os.waitpid(fork(lambda: exec({GREEDY!r})), 0)\nsay("alone")\nstay()\n'
    web = process("web", stage.program(body), limits=Limits(memory_bytes=32 * MIB))
    site.start()
    told = Stack(
        name="test", directory="/", processes=(web,), alerter=("/bin/true",),
        alerts=Alerts(webhook=("http://127.0.0.1:1/",), recovered_after_seconds=3600.0),
    )  # fmt: skip
    assert site.call("apply", {"stack": to_data(told), "start": True})["done"]
    stage.hear("alone")
    until(lambda: [one["kinds"] for one in site.status()["supervisor"]["alerts"]["open"]] == [["out-of-memory"]])


def test_after_an_adoption_the_limit_and_its_name_hold(site: Site, stage: Stage) -> None:
    body = f'say("ready")\nsignal.signal(signal.SIGUSR1, lambda *_: exec({GREEDY!r}))\nstay()\n'
    limits = Limits(memory_bytes=32 * MIB)
    site.up(process("web", stage.program(body), limits=limits, restart=RestartWhen.NEVER))
    pid = stage.hear("ready").pid
    kill_supervisor(site)
    site.await_phase("web.1", "ready")
    os.kill(pid, 10)
    assert "out of memory" in site.await_phase("web.1", "failed")["last_exit"]


def test_processor_time_is_held(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program('say("ready")\nwhile True: pass\n'), limits=Limits(cpu=0.25)))
    group = Path(str(BASE.parent) + "/" + BASE.name + cgroups.own_path(stage.hear("ready").pid))
    assert (group / "cpu.max").read_text().split() == ["25000", "100000"]
    until(lambda: "nr_throttled 0\n" not in (group / "cpu.stat").read_text())


def test_processes_are_those_of_its_tree(site: Site, stage: Stage) -> None:
    body = """
import errno
try:
    for count in range(100):
        fork(stay)
except OSError as error:
    print(count, errno.errorcode[error.errno], flush=True)
say("ready")
stay()
"""
    site.up(process("web", stage.program(body), limits=Limits(processes=5), replicas=2))
    stage.hear_all("ready", 2)
    until(lambda: (site.log("web.1"), site.log("web.2")) == ("4 EAGAIN", "4 EAGAIN"))


def test_in_a_delegated_group_the_supervisor_makes_room_for_controllers(
    site: Site, stage: Stage, delegated: Path
) -> None:
    site.start(through=into(delegated))
    site.up(process("web", stage.program(STEADY), limits=Limits(memory_bytes=64 * MIB)))
    pid = stage.hear("ready").pid
    own = f"/{delegated.name}"
    assert cgroups.own_path(site.popen.pid) == f"{own}/supervisor"
    assert cgroups.own_path(pid).startswith(f"{own}/procession-")
    kill_supervisor(site)
    site.await_phase("web.1", "ready")
    site.call("restart", {"names": ["web"]})
    pid = stage.hear("ready").pid
    assert cgroups.own_path(pid).startswith(f"{own}/procession-")
    assert site.status()["not_held"] == {}


def test_in_a_group_with_others_it_is_said_that_there_is_no_room(site: Site, stage: Stage, delegated: Path) -> None:
    other = os.fork()
    if other == 0:
        os.execvp("sleep", ["sleep", "1000"])
    (delegated / "cgroup.procs").write_text(str(other))
    try:
        site.start(through=into(delegated))
        site.up(process("web", stage.program(STEADY), limits=Limits(cpu=1.0)))
        (said,) = site.status()["not_held"]["web"]
        assert said.startswith("cpu: cannot enable the cpu controller")
        assert said.endswith("other processes are in it")
        assert cgroups.own_path(other) == f"/{delegated.name}"
    finally:
        os.kill(other, 9)
        os.waitpid(other, 0)


def test_without_a_group_of_ours_the_killers_count_tells(site: Site, stage: Stage) -> None:
    """It goes where we see nothing of it, as on a machine of version 1."""
    group = BASE / f"elsewhere-{os.getpid()}"
    group.mkdir()
    (BASE / "cgroup.subtree_control").write_text("+memory")
    (group / "memory.max").write_text(str(32 * MIB))
    argv = ("sh", "-c", f'echo 0 > {group}/cgroup.procs; exec "$@"', "sh", *stage.program(GREEDY))
    try:
        site.begin(process("web", argv, restart=RestartWhen.NEVER))
        view = site.await_phase("web.1", "failed")
        assert view["last_exit"] == "killed by SIGKILL, probably out of memory (the kernel's OOM killer ran)"
    finally:
        until(lambda: _is_removed(group))


def test_a_kill_by_a_person_has_no_other_name(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY), limits=Limits(memory_bytes=64 * MIB), restart=RestartWhen.NEVER))
    os.kill(stage.hear("ready").pid, 9)
    assert site.await_phase("web.1", "failed")["last_exit"] == "killed by SIGKILL"
