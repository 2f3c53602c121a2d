"""Start a program: fork, make the child what was declared, exec.

The child reports on a pipe that closes when it execs: nothing on it, and the program runs; else the words for what
failed. Everything that can be slow or fail (env files, the user database, a directory on a network disk) happens in the
child, so that it costs neither the supervisor's time nor its memory.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from termios import TIOCSCTTY
from typing import NoReturn

from procession import hostlock
from procession.owner import Owner, become, find_owner
from procession.stack.model import Limits, Process
from procession.supervisor.linux import heartbeats, kernel, multiprocess, openfiles
from procession.supervisor.linux.environment import build_environment
from procession.supervisor.linux.group import Group, write
from procession.supervisor.linux.signals import block_signals, reset_signals, unblock_signals

FIRST_LISTENER_FD = 3  # SD_LISTEN_FDS_START (sd_listen_fds(3))
REPORT_BYTES_MAX = 4000  # less than PIPE_BUF: written in one piece (pipe(7))
EXIT_NOT_EXECUTED = 127  # as a shell says it
END_OF_WAIT = "\0"  # ends what a child waits for; nothing before it: it waits no more. The rest is why it cannot exec
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One life of an instance, or a probe's command (then `argv` is given, and nothing is handed over)."""

    name: str
    life: int
    process: Process
    fifo: str  # where its output goes
    stack_directory: str
    notify: str
    listeners: Sequence[int] = ()  # fds, in the order of process.listeners
    argv: tuple[str, ...] = ()
    heartbeats: str = ""  # the folder of the files that tell that it is alive; "": there is none
    terminal: tuple[int, int] | None = None  # its master and its slave side, in place of the FIFO
    main: int = 0  # the pid of the life's main process; 0: it is this one
    group: Group | None = None


class ChildFailed(Exception):
    """In the child: what could not be done, in words."""


def launch(work: Launch) -> tuple[int, int]:
    """Start it; the child's pid and the fd on which it reports. Raises OSError when there is no room for one more."""
    report, their_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    parent = os.getpid()
    try:
        pid = fork(lambda: _run_child(work, their_end, parent))
    except OSError:
        os.close(report)
        raise
    finally:
        os.close(their_end)
    return pid, report


def read_report(fd: int) -> str | None:
    """What the child says: "" when it has exec'd, or died before it could say it; None: not known yet."""
    try:
        return os.read(fd, REPORT_BYTES_MAX).decode("utf-8", "replace")
    except BlockingIOError:
        return None


def fork(child: Callable[[], NoReturn]) -> int:
    """fork(2) with our signals held back. Raises OSError: EAGAIN (too many processes), ENOMEM."""
    block_signals()
    try:
        pid = os.fork()
        if pid == 0:
            child()
    finally:
        unblock_signals()
    return pid


def _run_child(work: Launch, report: int, parent: int) -> NoReturn:
    """In the child: never returns, whatever happens."""
    try:
        report = _away_from_listeners(report, len(work.listeners))
        _prepare_and_exec(work, parent, report)
    except BaseException as error:  # noqa: BLE001 - the boundary: the child must not go on as a second supervisor
        text = str(error) if isinstance(error, ChildFailed) else f"{type(error).__name__}: {error}"
        try:
            os.write(report, text.encode("utf-8", "replace")[:REPORT_BYTES_MAX] or b"failed")
        finally:
            os._exit(EXIT_NOT_EXECUTED)


def _prepare_and_exec(work: Launch, parent: int, report: int) -> NoReturn:
    os.setsid()
    process = work.process
    _join(work.group)
    if work.terminal is None:
        _connect_output(work.fifo)
    else:
        _connect_terminal(*work.terminal, len(work.listeners))
    owner = _find_owner(process)
    environment = _environment(work, owner.variables() if owner else {})
    _make_heartbeat(work, owner, environment)
    _share_numbers(work, owner, environment)
    _enter(process.directory)
    if process.umask is not None:
        os.umask(process.umask)
    _limit(process.limits, work.group)
    if owner is not None:
        _try("become", ":".join(filter(None, (process.user, process.group))), lambda: _become(owner))
    if process.no_new_privs:
        _try("forbid", "new privileges", kernel.forbid_new_privileges)
    argv = work.argv or process.argv
    if work.listeners:
        argv = process.handoff
        _hand_over(work.listeners, process.name, environment)
    reset_signals()
    if process.lock and not work.argv:
        _take_lock(work, parent, report)
    if os.getppid() != parent:
        os._exit(EXIT_NOT_EXECUTED)  # whoever comes after our supervisor cannot know of us, and starts another
    _exec(argv, environment)


def _take_lock(work: Launch, parent: int, report: int) -> None:
    """The singleton's lock, which stays with the program. To wait for it is to sleep in the kernel, here.

    Whoever comes after our supervisor cannot know of us while we wait, so we die with it; and its locks, its sockets
    and its pipes are not for us to keep open.
    """
    waited = False

    def wait(held_by: str, fd: int) -> None:
        nonlocal waited
        waited = True
        kernel.die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(EXIT_NOT_EXECUTED)
        _close_supervisors({report, fd})
        text = f"{work.process.name}: waits for the host lock: held by {held_by}"
        os.write(report, text.encode("utf-8", "replace")[: REPORT_BYTES_MAX - 1] + END_OF_WAIT.encode())

    holder = f"{work.name} of {work.stack_directory} (pid {os.getpid()})"
    _try("take the host lock", work.process.lock, lambda: hostlock.acquire(work.process.lock, holder, wait))
    if waited:
        kernel.die_with_parent(0)
        os.write(report, END_OF_WAIT.encode())


def _close_supervisors(kept: set[int]) -> None:
    """What an exec would close, but those `kept`: what stays is for the program, such as its listeners and terminal."""
    for name in os.listdir("/proc/self/fd"):  # there may be more than our limit by now would let us have
        fd = int(name)
        try:
            if fd not in kept and not os.get_inheritable(fd):
                os.close(fd)
        except OSError:
            pass  # the one that listed them


def _away_from_listeners(fd: int, count: int) -> int:
    """The same file at an fd that no listener will be put on; close-on-exec."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_LISTENER_FD + count)


def _connect_output(fifo: str) -> None:
    """stdin from /dev/null; stdout and stderr to the FIFO, which we open for reading too: it never breaks (fifo(7))."""
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    try:
        out = os.open(fifo, os.O_RDWR)
    except OSError as error:
        raise ChildFailed(f"cannot open {fifo} for its output: {error.strerror}") from error
    os.dup2(out, 1)
    os.dup2(out, 2)


def _connect_terminal(master: int, slave: int, listeners: int) -> None:
    """The terminal is where it reads and writes, and what /dev/tty is to it; it needs a session of its own (tty(4)).

    The master stays open in it: the terminal is not hung up then, whoever else dies.
    """
    fcntl.ioctl(slave, TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.set_inheritable(_away_from_listeners(master, listeners), True)


def _find_owner(process: Process) -> Owner | None:
    if not process.user and not process.group:
        return None
    try:
        return find_owner(process.user, process.group)
    except LookupError as error:
        raise ChildFailed(str(error)) from error


def _become(owner: Owner) -> None:
    """Our output goes along, so that /dev/stdout and /dev/stderr can be opened by it: a FIFO has an owner and a mode.

    So has a terminal. Raises OSError.
    """
    if stat.S_ISFIFO(os.fstat(1).st_mode) or os.isatty(1):  # a probe's is /dev/null, which is nobody's
        os.fchown(1, owner.uid, -1)
    become(owner)


def _environment(work: Launch, person: dict[str, str]) -> dict[str, str]:
    try:
        return build_environment(
            work.name, work.life, work.process, person, main=work.main or os.getpid(),
            stack_directory=work.stack_directory, notify=work.notify,
        )  # fmt: skip
    except OSError as error:
        raise ChildFailed(f"cannot read env file {error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise ChildFailed(f"cannot read env file {error}") from error


def _make_heartbeat(work: Launch, owner: Owner | None, environment: dict[str, str]) -> None:
    """Without room for it, it is not judged: better than not to be there."""
    if not heartbeats.has_heartbeat(work.process) or not work.heartbeats or work.argv:
        return
    path = heartbeats.path_of(work.heartbeats, work.name, work.life)
    try:
        heartbeats.make(path, owner.uid if owner else os.geteuid(), owner.gid if owner else os.getegid())
    except OSError:
        return
    environment["PROCESSION_HEARTBEAT"] = path
    if work.process.liveness is not None:
        environment["PROCESSION_HEARTBEAT_SECONDS"] = f"{heartbeats.every_seconds(work.process.liveness):g}"


def _share_numbers(work: Launch, owner: Owner | None, environment: dict[str, str]) -> None:
    """prometheus_client's directory; one that the site names itself is the site's. Without room for it: without it."""
    if not work.process.prometheus or work.argv or environment.get(multiprocess.VARIABLE):
        return
    uid, gid = (owner.uid, owner.gid) if owner else (os.geteuid(), os.getegid())
    try:
        directory = multiprocess.make(work.stack_directory, uid, gid)
    except OSError:
        return
    environment[multiprocess.VARIABLE] = environment[multiprocess.OURS] = directory


def _enter(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        raise ChildFailed(f"cannot enter its directory {directory}: {error.strerror}") from error


def _join(group: Group | None) -> None:
    """Without a limit in it, a group is of use only when everything ends: then it may be missing."""
    try:
        if group is not None:
            write(f"{group.path}/cgroup.procs", "0")
    except OSError as error:
        if group is not None and group.held:
            raise ChildFailed(f"cannot join its cgroup {group.path}: {error.strerror}") from error


def _limit(limits: Limits, group: Group | None) -> None:
    """What a group holds it to already, an rlimit need not: that counts all processes of the user."""
    if limits.nice:
        _try("set niceness to", limits.nice, lambda: os.nice(limits.nice))
    wanted = {
        "NOFILE": limits.files or -1,
        "NPROC": limits.processes or -1 if group is None or "pids" not in group.held else -1,
        "CORE": limits.core_bytes,
    }
    _try("give back", "the limit of open files", openfiles.give_back)
    if any(value >= 0 for value in wanted.values()):
        import resource

        for name, value in wanted.items():
            if value >= 0:
                number = getattr(resource, f"RLIMIT_{name}")
                hard = resource.getrlimit(number)[1]
                highest = value if hard == resource.RLIM_INFINITY or value > hard else hard
                _try(f"limit {name} to", value, partial(resource.setrlimit, number, (value, highest)))


def _hand_over(listeners: Sequence[int], name: str, environment: dict[str, str]) -> None:
    """Put the listeners on fds 3, 4, ... and say so (sd_listen_fds(3))."""
    count = len(listeners)
    safe = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_LISTENER_FD + count) for fd in listeners]
    for place, fd in enumerate(safe, FIRST_LISTENER_FD):
        os.dup2(fd, place)  # inheritable, unlike what it duplicates
    environment["LISTEN_PID"] = str(os.getpid())
    environment["LISTEN_FDS"] = str(count)
    environment["LISTEN_FDNAMES"] = ":".join([name] * count)


def _exec(argv: Sequence[str], environment: dict[str, str]) -> NoReturn:
    """execve(2), with the program searched for in the child's own PATH. os.execvpe would import `warnings` first."""
    program = argv[0]
    trouble: OSError | None = None
    for path in _candidates(program, environment):
        try:
            os.execve(path, list(argv), environment)
        except OSError as error:
            if "/" in program or os.path.exists(path):  # not merely in a directory that we may not look into
                trouble = trouble or error
    raise ChildFailed(f"cannot run {program}: {_why_not(trouble)}") from trouble


def _candidates(program: str, environment: dict[str, str]) -> list[str]:
    if "/" in program:
        return [program]
    return [os.path.join(folder or ".", program) for folder in environment.get("PATH", DEFAULT_PATH).split(":")]


def _why_not(trouble: OSError | None) -> str:
    if trouble is None:
        return "not found in PATH"
    if not isinstance(trouble, FileNotFoundError):
        return trouble.strerror or str(trouble)
    if os.path.exists(trouble.filename):  # a script's interpreter, or a program's loader
        return "the interpreter that its first line names is not there"
    return "there is no such file"


def _try(what: str, value: object, call: Callable[[], object]) -> None:
    try:
        call()
    except (OSError, ValueError) as error:
        raise ChildFailed(f"cannot {what} {value}: {getattr(error, 'strerror', None) or error}") from error
