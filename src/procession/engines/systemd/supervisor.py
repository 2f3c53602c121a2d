"""The unit of `procession supervise`: systemd runs our supervisor, and that one runs the site."""

from __future__ import annotations

import sys

from procession.engines.systemd.options import Options
from procession.engines.systemd.service import LATE_SECONDS, start_seconds
from procession.engines.text.systemd import Entry, systemd_command, systemd_unit, systemd_value
from procession.stack.model import Stack

LISTENERS_MAX = 1024
SUBGROUP_VERSION = 254
LEAF = "supervisor"  # procession.supervisor.linux.cgroups
START_SECONDS_MIN = 600.0  # migrations take their time
USER_TARGET, MACHINE_TARGET = "default.target", "multi-user.target"


def supervisor(stack: Stack, options: Options) -> str:
    """Killed, or restarted, it leaves every instance alone, and the next one goes on with them; a stop stops them all.

    So KillMode=process. A restart ends it with SIGKILL (RestartKillSignal=): SIGTERM would mean stop, and it needs no
    goodbye. Restart=on-failure: it ends well when it was told `down`, and stays so. systemd keeps its listeners
    meanwhile (FileDescriptorStoreMax=). Delegate=yes: it divides its cgroup among the instances. Raises Unwritable.
    """
    argv = [sys.executable, "-m", "procession", "supervise", "-C", stack.directory, *_settings(stack), "--no-echo"]
    start = max(START_SECONDS_MIN, sum(start_seconds(process) for process in stack.processes))
    stop = sum(process.stop_seconds + LATE_SECONDS for process in stack.processes)
    service: list[Entry] = [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("ExecStart", systemd_command(argv)),
        ("ExecReload", "/bin/kill -s HUP $MAINPID"),
        ("WorkingDirectory", systemd_value(stack.directory)),
        ("KillMode", "process"),
        ("RestartKillSignal", "SIGKILL"),
        ("Restart", "on-failure"),
        ("RestartSec", "1s"),
        ("WatchdogSec", "60s"),
        ("TimeoutStartSec", f"{start:g}s"),
        ("TimeoutStopSec", f"{stop:g}s"),
        ("FileDescriptorStoreMax", str(LISTENERS_MAX)),
        ("Delegate", "yes"),
        *([("DelegateSubgroup", LEAF)] if options.version >= SUBGROUP_VERSION else []),
    ]
    gates = [] if options.user_mode else ["network.target"]
    head = [("Description", systemd_value(stack.name)), ("StartLimitIntervalSec", "0")]
    after = " ".join([*gates, *options.after])
    wanted = USER_TARGET if options.user_mode else MACHINE_TARGET
    return systemd_unit(
        [
            ("Unit", [*head, *([("After", after)] if after else [])]),
            ("Service", service),
            ("Install", [("WantedBy", wanted)]),
        ]
    )


def _settings(stack: Stack) -> list[str]:
    """Those that the stack was read from: `apply --settings` is not to end in what manage.py says by itself."""
    modules = {process.origin.file for process in stack.processes if process.origin.source == "settings"}
    return ["--settings", *modules] if len(modules) == 1 else []
