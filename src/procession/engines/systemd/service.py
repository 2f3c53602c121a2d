"""The unit of one process: a declaration in systemd's words (systemd.unit(5), systemd.service(5), systemd.exec(5))."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

from procession.engines.systemd import names
from procession.engines.systemd.hardening import protection
from procession.engines.systemd.options import STEPS_VERSION, Options
from procession.engines.text.systemd import (
    Entry,
    Section,
    systemd_command,
    systemd_pattern,
    systemd_unit,
    systemd_value,
    systemd_words,
)
from procession.stack.model import Condition, Kind, Probe, ProbeType, Process, RestartWhen, Stack, StopStep

NOTIFY_PATH = "%t/systemd/notify"  # manager_setup_notify() in systemd's src/core/manager.c; %t is /run, or the user's
TOLD = (ProbeType.APP, ProbeType.NOTIFY)
RESTART = {RestartWhen.ALWAYS: "always", RestartWhen.ON_FAILURE: "on-failure", RestartWhen.NEVER: "no"}
CONSTANT_WAIT_SECONDS = 2.0  # before 254 the wait does not grow: short for one death, and bearable for a thousand
KILL, TIMEOUT, TAIL = "/bin/kill", "/usr/bin/timeout", "/usr/bin/tail"
QUIETLY = "2>/dev/null"  # it may be gone by then, and a complaint would be among what the site says
NOTIFY, SHELL = "/usr/bin/systemd-notify", "/bin/sh"
WATCHDOG_SECONDS = 60.0  # of a liveness that says no max_age
BEATS = 4  # in the time that is allowed between two, so that one or two may come late
BEAT_SECONDS_MAX = 5.0
ABORT_SECONDS = 10.0  # for what hangs to write its traceback, when it gets SIGABRT
LATE_SECONDS = 5.0  # what systemd waits beyond the ladder's own time
GATES = {"postgresql": "postgresql.service", "redis": "redis-server.service", "rabbitmq": "rabbitmq-server.service"}


def service(stack: Stack, process: Process, options: Options, directory: str) -> str:
    """The text of its unit. `directory` is where the units are, and the env file beside them.

    Raises Unwritable for a value that a unit cannot hold.
    """
    sections: list[Section] = [
        ("Unit", [*_unit(stack, process, options)]),
        (
            "Service",
            [
                *_type(process),
                *_command(process),
                *_environment(stack, process, options, directory),
                *_stop(process),
                *_restart(process, options),
                *_identity(process, options),
                *_limits(process),
                *_directories(stack, process),
                *protection(stack, process, options),
            ],
        ),
    ]
    return systemd_unit(sections)


def is_told(process: Process) -> bool:
    """Whether READY=1 comes from within: from the program, or from the site's code in it."""
    return process.tells_ready or process.readiness.type in TOLD


def _unit(stack: Stack, process: Process, options: Options) -> Iterator[Entry]:
    yield "Description", f"{systemd_value(stack.name)}: {instance_name(process)}"
    yield "PartOf", names.target(stack)
    yield "After", " ".join([*_gates(stack, options), *_needs(stack, process)])
    tasks = [*_dependencies(stack, process, is_task=True)]
    others = [*_dependencies(stack, process, is_task=False)]
    if tasks:
        yield "Requires", " ".join(tasks)
    wanted = [*(unit for unit in _gates(stack, options) if unit.endswith(".service")), *others]
    if wanted:
        yield "Wants", " ".join(wanted)
    yield from _start_limit(process)


def instance_name(process: Process) -> str:
    """ "web.%i": the instance's name, with systemd's own word for its number."""
    return f"{process.name}.{'%i' if names.is_template(process) else '1'}"


def _gates(stack: Stack, options: Options) -> tuple[str, ...]:
    """Units of the machine. A name that is not there does no harm."""
    if options.user_mode:
        return options.after
    declared = [str(service.get("TYPE", service.get("type", ""))).lower() for service in stack.services.values()]
    known = [GATES[kind] for kind in declared if kind in GATES]
    return tuple(dict.fromkeys(["network.target", *known, *options.after]))


def _needs(stack: Stack, process: Process) -> list[str]:
    return [*_dependencies(stack, process, is_task=True), *_dependencies(stack, process, is_task=False)]


def _dependencies(stack: Stack, process: Process, *, is_task: bool) -> Iterator[str]:
    """A task must have ended well (Requires=). Of a process, Requires= would also take this one down with it."""
    for dependency in process.depends_on:
        other = stack.process(dependency.name)
        if other is not None and (dependency.condition is Condition.COMPLETED or other.kind is Kind.TASK) is is_task:
            yield from names.instances(stack, other)


def _start_limit(process: Process) -> Iterator[Entry]:
    """Never give up in silence: only after as many starts as the declaration says."""
    backoff = process.backoff
    if process.kind is Kind.TASK or not backoff.give_up:
        yield "StartLimitIntervalSec", "0"
        return
    each = backoff.longest_seconds + start_seconds(process) + process.stop_seconds
    yield "StartLimitIntervalSec", _span(each * backoff.give_up)
    yield "StartLimitBurst", str(backoff.give_up)


def _type(process: Process) -> Iterator[Entry]:
    if process.kind is Kind.TASK:
        yield "Type", "oneshot"
        yield "RemainAfterExit", "yes"  # done is done: a restart of what needs it does not run it again
        yield "TimeoutStartSec", "infinity"
        return
    yield "Type", "notify" if is_told(process) else "exec"
    yield "TimeoutStartSec", _span(start_seconds(process))
    if is_told(process) or beats(process):
        yield "NotifyAccess", "all"
    if process.liveness is not None and is_watched(process):
        yield "WatchdogSec", _span(process.liveness.max_age_seconds or WATCHDOG_SECONDS)
    if is_watched(process) or beats(process):
        yield "TimeoutAbortSec", _span(ABORT_SECONDS)


def start_seconds(process: Process) -> float:
    """How long a start may take until it is ready."""
    return process.readiness.within_seconds + (process.startup.within_seconds if process.startup else 0.0)


def is_watched(process: Process) -> bool:
    """Whether the program itself says WATCHDOG=1."""
    return process.liveness is not None and process.liveness.type is ProbeType.NOTIFY


def beats(process: Process) -> bool:
    """Whether the Django app in it says WATCHDOG=1, from the program's main loop (procession.django.heart)."""
    return process.liveness is not None and process.liveness.type is ProbeType.HEARTBEAT


def _command(process: Process) -> Iterator[Entry]:
    argv = process.handoff if hands_over(process) else process.argv
    yield "ExecStart", systemd_command(argv)
    if process.reload_signal:
        yield "ExecReload", f"{KILL} -s {process.reload_signal} $MAINPID"
    yield "WorkingDirectory", systemd_value(process.directory)


def hands_over(process: Process) -> bool:
    """Whether a socket unit holds what it listens on."""
    return bool(process.handoff and process.listeners)


def _environment(stack: Stack, process: Process, options: Options, directory: str) -> Iterator[Entry]:
    """The declared variables are in the last file, because files win over Environment=, and ENV over ENV_FILE."""
    if hands_over(process):
        yield "Sockets", names.socket(stack, process)
    who = instance_name(process)
    number = who.rpartition(".")[2]
    variables = [f"PROCESSION_INSTANCE={who}", f"PROCESSION_PROCESS={process.name}", f"PROCESSION_REPLICA={number}"]
    yield "Environment", " ".join(["PYTHONFAULTHANDLER=1", *variables])
    if (is_told(process) and process.readiness.type is not ProbeType.NOTIFY and not is_watched(process)) or beats(
        process
    ):
        # The site's code speaks on its own variable. gunicorn must not find systemd's: it says READY=1 too early.
        yield "Environment", f"PROCESSION_NOTIFY={NOTIFY_PATH}"
        yield "UnsetEnvironment", "NOTIFY_SOCKET"
    if process.liveness is not None and beats(process):
        yield "Environment", systemd_words(_heartbeat(process.liveness))
    for path in process.env_files:
        yield "EnvironmentFile", systemd_pattern(path)
    if process.environment:
        yield "EnvironmentFile", systemd_pattern(os.path.join(directory, names.env_file(stack, process)))
    for credential in options.credentials:
        yield "LoadCredential", systemd_value(credential)
    yield "SyslogIdentifier", who
    yield "LogRateLimitIntervalSec", "0"  # else the journal leaves lines out: 10,000 in 30 s are few for a web server


def _heartbeat(liveness: Probe) -> Iterator[str]:
    """As patient as our own supervisor: so long without a beat, and then as many looks more as FAILURES allows."""
    longest = liveness.max_age_seconds or WATCHDOG_SECONDS
    patience = longest + (max(liveness.failures, 1) - 1) * liveness.interval_seconds
    yield f"PROCESSION_HEARTBEAT=watchdog:{patience:g}"
    yield f"PROCESSION_HEARTBEAT_SECONDS={min(BEAT_SECONDS_MAX, longest / BEATS):g}"


def _stop(process: Process) -> Iterator[Entry]:
    """The ladder: all but its last step by ExecStop=, since systemd itself knows one signal before SIGKILL.

    With a heartbeat the last step, too: a worker's loop ends before its tasks do, and its last beat may come after the
    stop has begun. systemd would take that for a watchdog that is wound up, and let it bite (seen in 252).
    """
    first = process.stop if beats(process) else process.stop[:-1]
    yield "KillMode", "mixed"
    for step in first:
        yield "ExecStop", f"-{SHELL} -c 'kill -s {step.signal} $$0 {QUIETLY}' ${{MAINPID}}"
        yield "ExecStop", _wait_unwatched(step) if beats(process) else _wait(step)
    yield "KillSignal", "SIGKILL" if beats(process) else f"SIG{process.stop[-1].signal}"
    yield "TimeoutStopSec", _span(max(step.seconds + (LATE_SECONDS if first else 0) for step in process.stop))
    others = [_status(status) for status in process.success if status]
    if others:
        yield "SuccessExitStatus", " ".join(others)


def _wait(step: StopStep) -> str:
    """For the main process alone; one that is gone already is no failure ("-")."""
    return f"-{TIMEOUT} {step.seconds:g} {SHELL} -c 'exec {TAIL} --pid=$$0 -s 0.1 -f /dev/null {QUIETLY}' ${{MAINPID}}"


def _wait_unwatched(step: StopStep) -> str:
    """The same, while the watchdog is kept from biting."""
    off = f"NOTIFY_SOCKET={NOTIFY_PATH} {NOTIFY} WATCHDOG_USEC=0"
    loop = f"while {TIMEOUT} 1 {TAIL} --pid=$$0 -s 0.1 -f /dev/null {QUIETLY}; [ $$? -eq 124 ]; do {off}; done"
    return f"-{TIMEOUT} {step.seconds:g} {SHELL} -c '{off}; {loop}' ${{MAINPID}}"


def _status(status: int) -> str:
    from signal import Signals

    return str(status) if status > 0 else Signals(-status).name


def _restart(process: Process, options: Options) -> Iterator[Entry]:
    yield "Restart", RESTART[process.restart]
    if process.restart is RestartWhen.NEVER:
        return
    first, longest = process.backoff.first_seconds, process.backoff.longest_seconds
    if options.version < STEPS_VERSION:
        yield "RestartSec", _span(min(max(first, CONSTANT_WAIT_SECONDS), longest))
        return
    yield "RestartSec", _span(first)
    if longest > first > 0:
        yield "RestartSteps", str(math.ceil(math.log2(longest / first)))  # it doubles
        yield "RestartMaxDelaySec", _span(longest)


def _identity(process: Process, options: Options) -> Iterator[Entry]:
    if not options.user_mode:
        if process.user:
            yield "User", systemd_value(process.user)
        if process.group:
            yield "Group", systemd_value(process.group)
    if process.umask is not None:
        yield "UMask", f"{process.umask:04o}"


def _limits(process: Process) -> Iterator[Entry]:
    limits = process.limits
    if limits.memory_bytes:
        yield "MemoryMax", str(limits.memory_bytes)
    if limits.cpu:
        yield "CPUQuota", f"{round(limits.cpu * 100)}%"
    if limits.processes:
        yield "TasksMax", str(limits.processes)
    if limits.files:
        yield "LimitNOFILE", str(limits.files)
    if limits.core_bytes >= 0:
        yield "LimitCORE", str(limits.core_bytes)
    elif is_watched(process) or beats(process):
        yield "LimitCORE", "0:infinity"  # a dump of what hangs and gets SIGABRT would hold the site's secrets
    if limits.nice:
        yield "Nice", str(limits.nice)
    if process.max_age_seconds and process.restart is RestartWhen.ALWAYS:
        yield "RuntimeMaxSec", _span(process.max_age_seconds * 0.9)
        yield "RuntimeRandomizedExtraSec", _span(process.max_age_seconds * 0.2)


def _directories(stack: Stack, process: Process) -> Iterator[Entry]:
    """$STATE_DIRECTORY is the whole site's, $RUNTIME_DIRECTORY each instance's own.

    systemd gives a folder to the user of whichever unit starts: of two users, each has another.
    """
    owners = {(each.user, each.group) for each in stack.processes}
    yield "StateDirectory", stack.name if len(owners) == 1 else names.base(stack, process)
    yield "RuntimeDirectory", f"{stack.name}-{instance_name(process)}"


def _span(seconds: float) -> str:
    """As systemd.time(7) has it: "30s", "500ms"."""
    return f"{seconds:g}s" if seconds >= 1 and seconds == int(seconds) else f"{round(seconds * 1000)}ms"
