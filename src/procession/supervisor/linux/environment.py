"""The environment of an instance: ours, its user's, its env files, what was declared; and what tells it who it is."""

from __future__ import annotations

import os
from collections.abc import Mapping

from procession.envfile import read_env_file
from procession.stack.model import ProbeType, Process
from procession.supervisor.linux import watchdog

# Meant for us alone by whoever started us (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)), or theirs to know.
NOT_PASSED_ON = frozenset(
    {
        "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "MAINPID",
        "PROCESSION_DIRECTORY", "PROCESSION_INSTANCE", "PROCESSION_PROCESS", "PROCESSION_REPLICA", "PROCESSION_LIFE",
        "PROCESSION_PID", "PROCESSION_NOTIFY", "PROCESSION_HEARTBEAT",
        "PROCESSION_HEARTBEAT_SECONDS", "PROCESSION_LEASE_NAME", "PROCESSION_LEASE_TOKEN", "PROCESSION_PROMETHEUS",
    }
)  # fmt: skip

TERMINAL_TYPE = "xterm-256color"  # where ours says nothing, as under systemd: what most people's terminals understand


def build_environment(
    name: str,
    life: int,
    process: Process,
    person: Mapping[str, str],
    *,
    main: int,
    stack_directory: str,
    notify: str,
) -> dict[str, str]:
    """For one life of the instance `name`; `notify` is the address of the socket on which it may say that it is ready.

    `person` are the variables of its USER: over what it inherits, under what is declared. `main` is the pid of its main
    process. Reads the env files. Raises OSError with the file's name, or ValueError for one that cannot be understood.
    """
    environment = {**_INHERITED, **person}
    for path in process.env_files:
        environment.update(read_env_file(path))
    environment.update(process.environment)
    environment.setdefault("PYTHONUNBUFFERED", "1")  # else a Python program's last lines die with it
    environment.setdefault("PYTHONFAULTHANDLER", "1")  # what hangs, or crashes in C, leaves a traceback; "" is without
    environment["PWD"] = process.directory  # with a symlink (releases/current) unresolved, so that a reload follows it
    environment["PROCESSION_DIRECTORY"] = stack_directory
    environment["PROCESSION_INSTANCE"] = name
    environment["PROCESSION_PROCESS"] = process.name
    environment["PROCESSION_REPLICA"] = name.rpartition(".")[2]
    environment["PROCESSION_LIFE"] = str(life)
    environment["PROCESSION_PID"] = str(main)
    environment["PROCESSION_NOTIFY"] = notify
    if process.tty:
        environment.setdefault("TERM", TERMINAL_TYPE)
    probes = (process.startup, process.readiness, process.liveness)
    if any(probe is not None and probe.type is ProbeType.NOTIFY for probe in probes):
        environment["NOTIFY_SOCKET"] = notify
    if process.liveness is not None and process.liveness.type is ProbeType.NOTIFY:
        environment |= watchdog.variables(process.liveness, main)
    return environment


_INHERITED = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
