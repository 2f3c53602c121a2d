"""Machines for a swarm: namespaces of this one, each with a Docker daemon of its own, on a wire between them.

A machine has its own network, processes, mounts and host name, so several daemons, and several runs of the tests, know
nothing of each other. All of it ends with its first process: daemon, containers, interfaces, rules and mounts.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

START_SECONDS = 60.0  # only ever fails a test, as the other
END_SECONDS = 60.0
CLONE_NEWNET = 0x40000000  # setns(2)
CGROUPS = Path("/sys/fs/cgroup")
WIRE = "ip link add wire type bridge && ip link set wire up && echo ready && exec sleep infinity"
MACHINE = """\
read wired
set -e
hostname {name}
mkdir {folder}/cgroup
mount --rbind /sys/fs/cgroup {folder}/cgroup
mount -t sysfs sysfs /sys
mount --rbind {folder}/cgroup /sys/fs/cgroup
ip link set lo up
ip address add {address}/24 dev eth0
ip link set eth0 up
dockerd --data-root={folder}/data --exec-root={folder}/exec --pidfile={folder}/pid --host=unix://{folder}/sock \\
    --cgroup-parent=/{group} >{folder}/log 2>&1 &
wait
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """One of them. `pid` is that of its first process, as this machine counts."""

    name: str
    folder: Path
    address: str  # for the others
    group: str  # the cgroup of its containers
    unshared: subprocess.Popen[str]
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """In which `docker` talks to its daemon."""
        return {"DOCKER_HOST": f"unix://{self.folder}/sock"}

    @property
    def is_on(self) -> bool:
        return self.unshared.poll() is None

    def docker(self, *words: str) -> str:
        """What `docker WORDS` says; fails with its complaint."""
        argv = ["docker", *words]
        done = subprocess.run(argv, env={**os.environ, **self.environment}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout.strip()

    def build(self, name: str, dockerfile: str, files: Mapping[str, str]) -> None:
        """An image of these files; what the Dockerfile is FROM must be there, since there is no registry."""
        with tempfile.TemporaryDirectory() as folder:
            for path, text in {**files, "Dockerfile": dockerfile}.items():
                (Path(folder) / path).write_text(text)
            argv = ["docker", "build", "--quiet", "--tag", name, folder]
            environment = {**os.environ, **self.environment, "DOCKER_BUILDKIT": "0"}
            done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

    def run(self, *argv: str) -> None:
        """A command inside."""
        subprocess.run(["nsenter", "--all", f"--target={self.pid}", *argv], check=True, capture_output=True)

    def lose_power(self) -> None:
        """It is gone, with all that runs on it, and says nobody goodbye."""
        os.kill(self.pid, signal.SIGKILL)
        self.unshared.wait()

    @contextmanager
    def network(self) -> Iterator[None]:
        """This thread, and those that it starts, are in its network: its 127.0.0.1 is theirs."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(home)
            os.close(home)
            os.close(there)


def _enter(namespace: int) -> None:
    """setns(2), which Python has from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def machines(names: Sequence[str], folder: Path) -> Iterator[list[Machine]]:
    """With a daemon that answers on each. Skips where that cannot be."""
    if os.geteuid() != 0:
        pytest.skip("needs to be root, to start Docker daemons")
    for program in ("dockerd", "ip", "nsenter", "setpriv", "unshare"):
        if not shutil.which(program):
            pytest.skip(f"needs {program} (Debian's docker.io, iproute2 and util-linux)")
    with ExitStack() as stack:
        wire = stack.enter_context(_unshared(["--net"], WIRE))
        assert wire.stdout is not None
        assert wire.stdout.readline() == "ready\n"
        found = [stack.enter_context(_machine(name, at, folder, wire)) for at, name in enumerate(names, 1)]
        for machine in found:
            _wait_for_daemon(machine)
        yield found


@contextmanager
def _machine(name: str, number: int, folder: Path, wire: subprocess.Popen[str]) -> Iterator[Machine]:
    # Not in pytest's folder: the path of a unix socket has 107 characters at most.
    place = Path(tempfile.mkdtemp(prefix=f"procession-{name}-"))
    group, address = place.name, f"10.77.0.{number}"
    script = MACHINE.format(name=name, folder=place, address=address, group=group)
    kinds = ["--mount", "--net", "--pid", "--uts", "--ipc", "--mount-proc"]
    try:
        with _unshared(kinds, script) as unshared:
            machine = Machine(name, place, address, group, unshared, _child(unshared.pid))
            _connect(machine.pid, number, wire)
            assert unshared.stdin is not None
            unshared.stdin.write("wired\n")
            unshared.stdin.flush()
            yield machine
    finally:
        _remove_groups(group)
        shutil.rmtree(place)


@contextmanager
def _unshared(kinds: Sequence[str], script: str) -> Iterator[subprocess.Popen[str]]:
    """A shell in namespaces of its own; all in them ends with it, and it with us, however we end."""
    argv = ["setpriv", "--pdeathsig", "KILL", "unshare", *kinds, "--fork", "--kill-child", "sh", "-c", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as unshared:
        try:
            yield unshared
        finally:
            unshared.kill()


def _child(pid: int) -> int:
    """unshare's one child, once it is there."""
    deadline = time.monotonic() + START_SECONDS
    children: list[str] = []
    while not children:
        assert time.monotonic() < deadline, "unshare has no child"
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])


def _connect(pid: int, number: int, wire: subprocess.Popen[str]) -> None:
    inside = ["nsenter", "--net", f"--target={_child(wire.pid)}", "ip", "link"]
    end = f"to{number}"
    subprocess.run([*inside, "add", end, "type", "veth", "peer", "name", "eth0", "netns", str(pid)], check=True)
    subprocess.run([*inside, "set", end, "master", "wire", "up"], check=True)


def _wait_for_daemon(machine: Machine) -> None:
    deadline = time.monotonic() + START_SECONDS
    argv, environment = ["docker", "info"], {**os.environ, **machine.environment}
    while subprocess.run(argv, env=environment, capture_output=True, check=False).returncode != 0:
        if machine.unshared.poll() is not None or time.monotonic() > deadline:
            log = machine.folder / "log"
            pytest.skip(f"dockerd does not run here: {log.read_text()[-1000:] if log.exists() else 'no log'}")
        time.sleep(0.05)  # It has no way to tell.


def _remove_groups(name: str) -> None:
    """The kernel keeps the cgroups of what was killed, and lets them go once the last of it is buried."""
    deadline = time.monotonic() + END_SECONDS
    tops = [CGROUPS / name, *CGROUPS.glob(f"*/{name}")]  # of version 2, and of each controller of version 1
    for folder in [folder for top in tops for folder, _, _ in os.walk(top, topdown=False)]:
        while not _is_removed(folder):
            assert time.monotonic() < deadline, f"{folder} is still in use"
            time.sleep(0.05)


def _is_removed(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def make_swarm(found: Sequence[Machine]) -> None:
    """The first is the manager, the others join it."""
    first, *others = found
    first.docker("swarm", "init", "--advertise-addr", first.address)
    token = first.docker("swarm", "join-token", "--quiet", "worker")
    for other in others:
        other.docker("swarm", "join", "--token", token, "--advertise-addr", other.address, f"{first.address}:2377")
