"""Control groups, version 2 (cgroups(7), the kernel's cgroup-v2.rst): one for each life, where they can be had.

    BASE/procession-1a2b3c4d/web.1-12       a digest of the stack directory; the instance, and the number of its life

BASE is a group that was given to us: the one that we are in, if systemd delegated it (Delegate=yes) or a container is
made of it; or the root of the hierarchy, if we are root and no service of systemd. Nothing else is touched. A group
without any controller still knows who belongs to it, whatever a process does to its session, its parents and its
environment.

Controllers are switched on when the first limit asks for them. A group that has some may have no process of its own
beside its subgroups: so in a group that was delegated we move into one called LEAF first. (systemd's
DelegateSubgroup=supervisor starts us there.)
"""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EBUSY

from procession.loop import Loop
from procession.stack.model import Kind, Process
from procession.supervisor.linux import procfs
from procession.supervisor.linux.group import Group, read, write

LEAF = "supervisor"
DELEGATED = ("trusted.delegate", "user.delegate")  # extended attributes that systemd sets (systemd.resource-control(5))
REMOVE_AGAIN_SECONDS = 0.05  # a process that has ended leaves its group a moment later
REMOVALS_MAX = 40

Limit = tuple[str, str]  # the controller, and the word for what it holds: ("cpu", "cpu")


@dataclass(frozen=True, slots=True)
class Base:
    """A group that we may divide; `path` is "" where there is none, and `trouble` says why."""

    path: str
    trouble: str = ""

    def why_without(self, controller: str) -> str:
        """Why a limit of this controller cannot be had here; "" if it can, as far as can be told beforehand."""
        if self.trouble:
            return self.trouble
        if controller not in read(f"{self.path}/cgroup.controllers").split():
            return f"cgroup v2 has no {controller} controller at {self.path}"
        return ""


def find_base(name: str = "") -> Base:
    """Where groups can be made by this process. One that is within a group called `name` finds what that is made in."""
    mount = _mount()
    if mount is None:
        return Base("", "no cgroup v2 is mounted")
    own = mount + own_path()
    inside, is_inside, _ = f"{own}/".partition(f"/{name}/") if name else ("", "", "")
    if is_inside:
        return Base(inside)
    mine = os.path.dirname(own) if os.path.basename(own) == LEAF else own
    is_whole = not os.path.exists(f"{mount}/cgroup.type")  # which only the root of the whole hierarchy does not have
    if _is_given(mine, mount, is_whole=is_whole):
        return Base(mine)
    if os.path.basename(mine).endswith(".service"):  # systemd would lose sight of what it is to end
        return Base("", f"systemd keeps {mine} for itself; its unit needs Delegate=yes")
    if os.geteuid() == 0 and is_whole and os.access(f"{mount}/cgroup.procs", os.W_OK):
        return Base(mount)
    return Base("", f"our cgroup is not ours to divide: {mine}")


def _is_given(group: str, mount: str, *, is_whole: bool) -> bool:
    """Whether somebody left us this group: by its owner, by systemd's mark, or as all that a container has."""
    if not all(os.access(path, os.W_OK) for path in (group, f"{group}/cgroup.procs")):
        return False
    if os.geteuid() != 0 or (group == mount and not is_whole):
        return True
    return any(_attribute(group, name) == b"1" for name in DELEGATED)


def name_of(directory: str) -> str:
    """The name of the group that has all groups of a stack directory: in a container that is another one."""
    root = os.stat("/")
    whose = f"{directory} {os.readlink('/proc/self/ns/pid')} {root.st_dev} {root.st_ino}"
    return f"procession-{crc32(os.fsencode(whose)):08x}"


def own_path(pid: int | str = "self") -> str:
    """The group of a process, below the mount; "" for the root, and where it cannot be known (cgroups(7))."""
    for line in read(f"/proc/{pid}/cgroup").splitlines():
        if line.startswith("0::/"):
            return line[3:].rstrip("/")
    return ""


class Groups:
    """The groups of a stack directory."""

    __slots__ = ("_base", "_enabled", "_loop", "_path", "_troubles")

    def __init__(self, directory: str, loop: Loop) -> None:
        name = name_of(directory)
        mount = _mount() or ""
        self._base = find_base(name)
        self._path = f"{self._base.path}/{name}" if self._base.path else ""
        self._enabled: set[str] = set()
        self._troubles: dict[str, str] = {}  # by controller
        self._loop = loop
        if self._path and f"{mount}{own_path()}/".startswith(f"{self._path}/"):
            self._step_out()  # an instance started us, and its group is killed when that ends

    def make(self, name: str, life: int, process: Process) -> Group | None:
        """The group for a life that begins, with its limits in place; None where none can be had."""
        if not self._path:
            return None
        for controller, _ in limits_of(process):
            self._enable(controller)
        group = Group(f"{self._path}/{name}-{life}")
        try:
            os.makedirs(group.path, exist_ok=True)
        except OSError as error:
            self._give_up(f"cannot make {group.path}: {error.strerror}")
            return None
        for controller, _ in limits_of(process):
            if controller in self._enabled:
                self._limit(group, controller, process)
        return group

    def find(self, pid: int, name: str, life: int) -> Group | None:
        """The group that an earlier supervisor made for this life; None: it is not in one."""
        if not self._path:
            return None
        stack = os.path.basename(self._path)
        path, found, _ = f"{_mount()}{own_path(pid)}/".partition(f"/{stack}/{name}-{life}/")
        if not found:
            return None
        group = Group(f"{path}{found.rstrip('/')}")
        group.see_limits()
        return group

    def not_held(self, process: Process, group: Group | None) -> tuple[str, ...]:
        """What of its limits nothing holds it to, and why."""
        held = group.held if group else frozenset()
        return tuple(
            f"{word}: {self._troubles.get(controller) or self._base.why_without(controller)}"
            for controller, word in limits_of(process)
            if controller not in held and not is_held_otherwise(process, controller)
        )

    def leftovers(self, keep: set[str]) -> list[Group]:
        """The groups of all lives but these ("web.1-12")."""
        return [Group(f"{self._path}/{name}") for name in self._names() if name not in keep]

    def members(self) -> Iterator[procfs.Stat]:
        """What lives in any of our groups."""
        for name in self._names():
            yield from Group(f"{self._path}/{name}").members()

    def remove(self, group: Group, tries: int = REMOVALS_MAX) -> None:
        """Its life is over. What is left of it is removed by the next supervisor, or when everything goes down."""
        if not group.remove() and tries:
            self._loop.call_after(REMOVE_AGAIN_SECONDS, ("group", group.path), lambda: self.remove(group, tries - 1))

    def remove_all(self) -> None:
        """Everything is down."""
        if self._path:
            Group(self._path).remove()

    def _names(self) -> list[str]:
        try:
            return [entry.name for entry in os.scandir(self._path or "/nowhere") if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []

    def _enable(self, controller: str) -> None:
        """Once; what cannot be enabled is not tried again, as long as we live."""
        if controller in self._enabled or controller in self._troubles:
            return
        trouble = self._base.why_without(controller)
        if not trouble:
            try:
                self._make_room()
                for path in (self._base.path, self._path):
                    os.makedirs(path, exist_ok=True)
                    write(f"{path}/cgroup.subtree_control", f"+{controller}")
            except OSError as error:
                why = "other processes are in it" if error.errno == EBUSY else error.strerror
                trouble = f"cannot enable the {controller} controller in {self._base.path}: {why}"
        if trouble:
            self._troubles[controller] = trouble
        else:
            self._enabled.add(controller)

    def _make_room(self) -> None:
        """Step out of a group that is to have controllers; the root may have both. Raises OSError."""
        if f"{_mount()}{own_path()}" == self._base.path and os.path.exists(f"{self._base.path}/cgroup.type"):
            self._move(LEAF)

    def _step_out(self) -> None:
        try:
            self._move(LEAF if os.path.exists(f"{self._base.path}/cgroup.type") else ".")
        except OSError as error:
            self._give_up(f"cannot leave the cgroup of an instance: {error.strerror}")

    def _move(self, below: str) -> None:
        """Move ourselves, and nobody else. Raises OSError."""
        os.makedirs(f"{self._base.path}/{below}", exist_ok=True)
        write(f"{self._base.path}/{below}/cgroup.procs", "0")

    def _limit(self, group: Group, controller: str, process: Process) -> None:
        try:
            group.limit(controller, process.limits)
        except OSError as error:
            self._troubles[controller] = f"cannot set the limit in {group.path}: {error.strerror}"

    def _give_up(self, trouble: str) -> None:
        self._path, self._base = "", Base("", trouble)


def limits_of(process: Process) -> Iterator[Limit]:
    """The controllers that this process's limits ask for."""
    if process.limits.memory_bytes:
        yield "memory", "memory"
    if process.limits.cpu:
        yield "cpu", "cpu"
    if process.limits.processes:
        yield "pids", "processes"


def is_held_otherwise(process: Process, controller: str) -> bool:
    """Whether there is another way: memory is weighed, and too much of it renewed; processes have their rlimit."""
    return controller == "pids" or (controller == "memory" and process.kind is Kind.PROCESS)


def _mount() -> str | None:
    """Where the hierarchy of version 2 is: /sys/fs/cgroup, or beside version 1 /sys/fs/cgroup/unified (proc(5))."""
    for line in read("/proc/self/mountinfo").splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return fields.split()[4]
    return None


def _attribute(path: str, name: str) -> bytes:
    try:
        return os.getxattr(path, name)
    except OSError:
        return b""
