"""A control group for each life: what it starts is gone with it, however it hides; and no group is left behind.

Limits need controllers, which a machine may have elsewhere: see test_cgroup_limits.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.stack.model import Limits
from procession.supervisor.linux import cgroups
from procession.supervisor.linux.group import Group
from tests.faults.killing import kill_both, kill_supervisor
from tests.supervisor.programs import Stage, is_alive, until
from tests.supervisor.site import Site, process

BASE = cgroups.find_base()
pytestmark = [pytest.mark.root, pytest.mark.skipif(not BASE.path, reason=f"no cgroup can be had: {BASE.trouble}")]
STEADY = 'say("ready")\nstay()\n'
# It forks twice, so nobody is its parent; has a session of its own; and forgets its environment.
FUGITIVE = """
def bare():
    os.setsid()
    fork(lambda: os.execve("/bin/sh", ["sh", "-c", "echo $$; exec sleep 1000"], {}))
os.waitpid(fork(bare), 0)
say("ready")
stay()
"""
WITHOUT = ("unshare", "--mount", "sh", "-c", 'umount --all --types cgroup2; exec "$@"', "sh")


@pytest.fixture(autouse=True)
def _nothing_left(site: Site) -> Iterator[None]:
    yield
    site.end()
    assert not (Path(BASE.path) / cgroups.name_of(str(site.directory))).exists()


def group_of(pid: int) -> str:
    return cgroups.own_path(pid)


def fugitive_of(site: Site, name: str = "web.1", *, number: int = 1) -> int:
    """The pid that the fugitive of its so-manieth life has written into the log."""
    until(lambda: site.log(name).count("\n") >= number - 1 and site.log(name) != "")
    return int(site.log(name).split()[number - 1])


@pytest.mark.parametrize("ending", ["stop", "death"])
def test_a_fugitive_goes_with_its_instance(site: Site, stage: Stage, ending: str) -> None:
    site.up(process("web", stage.program(FUGITIVE)), process("other", stage.program(STEADY)))
    main, fugitive = stage.hear("ready", "web.1").pid, fugitive_of(site)
    assert is_alive(fugitive)
    assert os.getsid(fugitive) != os.getsid(main)
    if ending == "stop":
        assert site.call("stop", {"names": ["web"]})["done"]
    else:
        os.kill(main, signal.SIGKILL)
        stage.hear("ready", "web.1")
    assert not is_alive(fugitive)
    assert site.instance("other.1")["phase"] == "ready"


def test_without_a_group_a_fugitive_waits_for_down(site: Site, stage: Stage) -> None:
    """That is what the documentation says of such a machine."""
    site.start(through=WITHOUT)
    site.up(process("web", stage.program(FUGITIVE)), process("other", stage.program(STEADY)))
    fugitive = fugitive_of(site)
    assert site.call("stop", {"names": ["web"]})["done"]
    assert is_alive(fugitive)
    site.down()
    assert not is_alive(fugitive)


def test_the_next_supervisor_knows_the_groups(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(FUGITIVE)))
    pid, fugitive = stage.hear("ready").pid, fugitive_of(site)
    kill_supervisor(site)
    assert site.instance("web.1")["pid"] == pid
    assert site.call("stop", {"names": ["web"]})["done"]
    assert not is_alive(fugitive)


def test_what_a_dead_life_left_while_nobody_looked_is_killed_before_the_next(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(FUGITIVE)))
    pid, fugitive = stage.hear("ready").pid, fugitive_of(site)
    site.await_saved("web.1")
    kill_both(site)
    os.kill(pid, signal.SIGKILL)
    assert is_alive(fugitive)
    site.start()
    stage.hear("ready")
    assert not is_alive(fugitive)


def test_each_life_has_a_group_that_ends_with_it(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY), replicas=2))
    first = stage.hear("ready", "web.1").pid
    stage.hear("ready", "web.2")
    stack = f"/{cgroups.name_of(str(site.directory))}"
    life = site.instance("web.1")["life"]
    assert group_of(first).endswith(f"{stack}/web.1-{life}")
    os.kill(first, signal.SIGKILL)
    second = stage.hear("ready", "web.1").pid
    assert group_of(second).endswith(f"{stack}/web.1-{site.instance('web.1')['life']}")
    until(lambda: not os.path.exists(f"{BASE.path}{stack}/web.1-{life}"))


def test_groups_that_a_program_makes_within_its_own_go_with_it(site: Site, stage: Stage) -> None:
    body = """
mount = next(line.split()[4] for line in open("/proc/self/mountinfo") if " - cgroup2 " in line)
below = mount + open("/proc/self/cgroup").read().split("0::")[1].strip() + "/below"
os.mkdir(below)
child = fork(lambda: (open(below + "/cgroup.procs", "w").write("0"), say("child"), stay()))
say("ready")
stay()
"""
    site.up(process("web", stage.program(body)))
    child = stage.hear("child").pid
    assert group_of(child).endswith("/below")
    kill_supervisor(site)
    assert site.call("stop", {"names": ["web"]})["done"]
    assert not is_alive(child)


def test_a_supervisor_that_an_instance_starts_leaves_its_group(site: Site, stage: Stage) -> None:
    """It would be killed with it: a deploy that runs in an instance restarts the whole stack so."""
    group = Path(BASE.path) / cgroups.name_of(str(site.directory)) / "deploy.1-9"
    group.mkdir(parents=True)
    site.start(through=("sh", "-c", f'echo 0 > {group}/cgroup.procs; exec "$@"', "sh"))
    assert str(group.name) not in group_of(site.popen.pid)
    assert site.up(process("web", stage.program(STEADY)))["done"]
    assert not group.exists()


def test_what_nothing_holds_it_to_is_said_and_in_the_status(site: Site, stage: Stage) -> None:
    site.start(through=WITHOUT)
    limits = Limits(memory_bytes=2**30, cpu=1.5, processes=5000)
    site.up(process("web", stage.program(STEADY), limits=limits, replicas=2))
    assert site.status()["not_held"] == {"web": ["cpu: no cgroup v2 is mounted"]}
    site.up(process("web", stage.program(STEADY)))
    until(lambda: site.status()["not_held"] == {})


@pytest.mark.parametrize(("file", "is_given"), [("trusted.delegate", True), ("trusted.other", False)])
def test_a_service_of_systemd_divides_its_group_only_if_it_may(tmp_path: Path, file: str, is_given: bool) -> None:
    """A group of that name, with systemd's mark or without; what a process in it finds."""
    group = Path(cgroups._mount() or "") / f"{tmp_path.name}-{os.getpid()}.service"
    group.mkdir()
    try:
        os.setxattr(group, file, b"1")
        ask = "from procession.supervisor.linux.cgroups import find_base as find; print(find().path or find().trouble)"
        argv = ["sh", "-c", f'echo 0 > {group}/cgroup.procs; exec "$@"', "sh", sys.executable, "-c", ask]
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
        assert said == (str(group) if is_given else f"systemd keeps {group} for itself; its unit needs Delegate=yes")
    finally:
        until(lambda: not group.exists() or Group(str(group)).remove())
