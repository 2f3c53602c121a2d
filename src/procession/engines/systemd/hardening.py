"""What a process may not do, by default: `systemd-analyze security` is at 2.0 or less. And what stays off, and why.

systemd.exec(5) describes each. docs/engines/systemd.md shows both tables; a test keeps the two the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

from procession.engines.systemd.options import Options
from procession.engines.text.systemd import Entry, systemd_words
from procession.stack.model import Process, Stack

HOMES = ("/home/", "/root/", "/run/user/")
TEMPORARY = ("/tmp/", "/var/tmp/")
BIND_LOW_PORTS = "CAP_NET_BIND_SERVICE"
LOW_PORTS_END = 1024  # net.ipv4.ip_unprivileged_port_start

# What needs no rights of systemd itself, so that units of a user have it, too.
ALWAYS: tuple[tuple[str, str, str], ...] = (
    ("NoNewPrivileges", "yes", "nothing that it runs gains rights by setuid: no sudo"),
    ("LockPersonality", "yes", "no other execution domain"),
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6", "no raw packets, no netlink"),
    ("RestrictNamespaces", "yes", "no containers within"),
    ("RestrictRealtime", "yes", "no real-time scheduling, which can stop a machine"),
    ("RestrictSUIDSGID", "yes", "no setuid file can be made"),
    ("SystemCallArchitectures", "native", "no system calls of another architecture"),
    ("SystemCallFilter", "@system-service", "what services need; anything else is refused with EPERM"),
    ("SystemCallErrorNumber", "EPERM", "refused and not killed, so that a program may do without"),
)
SYSTEM: tuple[tuple[str, str, str], ...] = (
    ("PrivateDevices", "yes", "no disks, no memory: only /dev/null and its like"),
    ("PrivateMounts", "yes", "what it mounts, nobody else sees"),
    ("PrivateTmp", "yes", "a /tmp of its own; off where the site itself is in /tmp"),
    ("ProtectClock", "yes", "the clock cannot be set"),
    ("ProtectControlGroups", "yes", "cgroups can only be read"),
    ("ProtectHome", "yes", "no /home, /root; read-only where the site itself is there"),
    ("ProtectHostname", "yes", "the host's name cannot be set"),
    ("ProtectKernelLogs", "yes", "no kernel log"),
    ("ProtectKernelModules", "yes", "no kernel modules"),
    ("ProtectKernelTunables", "yes", "/proc/sys and /sys can only be read"),
    ("ProtectProc", "invisible", "no processes of other users in /proc"),
    ("ProtectSystem", "strict", "the whole file system can only be read, but for WRITABLE_PATHS"),
)
# For a process that is not root from its start; one that is may have to become somebody else by itself.
NOT_ROOT: tuple[tuple[str, str, str], ...] = (
    ("CapabilityBoundingSet", "", "no capabilities; CAP_NET_BIND_SERVICE where it binds a port under 1024 itself"),
    ("SystemCallFilter", "~@privileged @resources", "not what only root could do, nor priorities"),
)
OFF: tuple[tuple[str, str], ...] = (
    ("PrivateNetwork", "the site serves the network"),
    ("IPAddressDeny", "visitors, databases and mail servers may be anywhere"),
    ("RestrictAddressFamilies=~AF_INET", "the site serves the network"),
    ("RestrictAddressFamilies=~AF_UNIX", "PostgreSQL, Redis, the journal and readiness are spoken to by unix sockets"),
    ("MemoryDenyWriteExecute", "ctypes, cffi and just-in-time compilers write code and run it"),
    ("PrivateUsers", "peer authentication of PostgreSQL, and files that a group shares, see other users then"),
    ("ProcSubset=pid", "psutil, and whatever counts processors or memory, reads /proc/meminfo and /proc/cpuinfo"),
    ("RemoveIPC", "the first instance that stops would take the shared memory of all others of that user away"),
    ("RootDirectory", "a root of its own needs an image of the site: that is what Compose is for"),
    ("NotifyAccess", "the worker in which the site's code is loaded says READY=1, and it is not the main process"),
    ("UMask", "what a site writes, a web server in front of it may have to read; UMASK in the declaration sets it"),
    ("SupplementaryGroups", "the groups of USER are how it is let at certificates and sockets"),
    ("DeviceAllow", "ProtectClock leaves the clock to be read; PrivateDevices, the few that every program needs"),
)


def protection(stack: Stack, process: Process, options: Options) -> list[Entry]:
    """The settings of [Service] that confine this process."""
    entries = [*_system(stack, process, options)] if not options.user_mode else []
    entries += [(key, value) for key, value, _ in ALWAYS]
    if process.user and not options.user_mode:
        ports = BIND_LOW_PORTS if binds_low_port(process) else ""
        entries += [(key, ports if key == "CapabilityBoundingSet" else value) for key, value, _ in NOT_ROOT]
        entries += [("AmbientCapabilities", ports)] if ports else []
    return [entry for entry in entries if entry[0] not in options.unprotected]


def confinement(options: Options) -> list[Entry]:
    """The settings of [Service] for a program that needs nothing at all."""
    machine = (
        () if options.user_mode else (*SYSTEM, *NOT_ROOT, ("DynamicUser", "yes", ""), ("PrivateNetwork", "yes", ""))
    )
    return [(key, value) for key, value, _ in (*machine, *ALWAYS)]


def binds_low_port(process: Process) -> bool:
    """Whether the program itself, and no socket unit, binds a port that root alone may."""
    ports = [listener.bind.rpartition(":")[2] for listener in process.listeners if not process.handoff]
    return any(port.isdecimal() and int(port) < LOW_PORTS_END for port in ports)


def _system(stack: Stack, process: Process, options: Options) -> Iterator[Entry]:
    for key, value, _ in SYSTEM:
        if key == "ProtectHome" and _is_in(HOMES, process):
            yield key, "read-only"
        elif key != "PrivateTmp" or not _is_in(TEMPORARY, process):
            yield key, value
    yield "ReadWritePaths", systemd_words(f"-{path}" for path in _writable(stack, process, options))


def _is_in(folders: tuple[str, ...], process: Process) -> bool:
    """Whether it needs something from there: its directory, its program, or a socket that it binds itself.

    The program is often a link: an environment's Python, to one that pyenv or uv has put into a home.
    """
    binds = [listener.bind.removeprefix("unix:") for listener in process.listeners if not process.handoff]
    return any(
        path.startswith(folders)
        for path in (f"{process.directory}/", _behind_links(process.argv[0]), process.argv[0], *binds)
    )


@cache
def _behind_links(program: str) -> str:
    """Looked up once for all processes: as a rule they have one Python."""
    return os.path.realpath(program)


def _writable(stack: Stack, process: Process, options: Options) -> tuple[str, ...]:
    """Also the folder of a unix socket that the program binds itself."""
    binds = [listener.bind for listener in process.listeners if not process.handoff]
    sockets = [bind.removeprefix("unix:").rpartition("/")[0] for bind in binds if bind.startswith("unix:")]
    return tuple(dict.fromkeys([*(options.writable_paths or (stack.directory, process.directory)), *sockets]))
