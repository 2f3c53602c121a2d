"""System calls that Python has no function for, and the pidfd calls, each with where it is written down.

`ctypes` would cost 0.5 MB and 5 ms; its C half, `_ctypes`, can call a function of libc by itself and costs a tenth of
that. Where it is missing or other than we know it, what needs it is refused with OSError(ENOSYS), and the supervisor
goes on.
"""

from __future__ import annotations

import os
import signal
from errno import ENOSYS, EPERM
from fcntl import ioctl
from struct import Struct

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38
SYS_PIDFD_GETFD = 438  # the same number on every architecture (asm-generic/unistd.h)
PIDFD_SIGNAL_PROCESS_GROUP = 4  # linux/pidfd.h
CREDENTIALS = Struct("=iII")  # struct ucred (unix(7)): pid, uid, gid
PIDFD_INFO = Struct("=QQ11Ii")  # struct pidfd_info as of Linux 6.15: mask, cgroupid, 11 ids, exit_code
PIDFD_INFO_EXIT = 1 << 3
PIDFD_GET_INFO = (3 << 30) | (PIDFD_INFO.size << 16) | (0xFF << 8) | 11  # _IOWR(0xFF, 11, struct pidfd_info)


def become_subreaper() -> None:
    """Orphans among our descendants become our children, not init's (PR_SET_CHILD_SUBREAPER(2const), Linux 3.4).

    Raises OSError.
    """
    _call("prctl", PR_SET_CHILD_SUBREAPER, 1)


def forbid_new_privileges() -> None:
    """No exec from now on gives us rights by setuid, setgid or file capabilities (PR_SET_NO_NEW_PRIVS(2const)).

    Raises OSError.
    """
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def take_fd(pidfd: int, fd: int) -> int:
    """A duplicate of another process's fd (pidfd_getfd(2), Linux 5.6); as ptrace(2) allows it. Raises OSError."""
    return _call("syscall", SYS_PIDFD_GETFD, pidfd, fd, 0)


def send_signal(pidfd: int, number: signal.Signals) -> bool:
    """Send a signal to this very process (pidfd_send_signal(2), Linux 5.1); False when it is gone. Raises OSError."""
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return False
    return True


def kill_group(pidfd: int) -> None:
    """SIGKILL to the process group that this process leads or led, in one step that no fork can outrun.

    The kernel signals the group's members under the lock that a fork needs (PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9), and
    knows the group by the pidfd, not by a number. Older kernels, and groups that are no more: nothing happens.
    """
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL, None, PIDFD_SIGNAL_PROCESS_GROUP)
    except OSError:
        pass  # `trees` kills the members one by one, too


def exit_status(pidfd: int) -> int | None:
    """How a process that was somebody else's child ended: exit code, or minus a signal. None: not known, or not yet.

    It is known once its parent has reaped it (ioctl_pidfd(2), PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15).
    """
    info = bytearray(PIDFD_INFO.pack(PIDFD_INFO_EXIT, *[0] * 13))
    try:
        ioctl(pidfd, PIDFD_GET_INFO, info)
    except OSError:
        return None
    mask, *_, code = PIDFD_INFO.unpack(info)
    return os.waitstatus_to_exitcode(code) if mask & PIDFD_INFO_EXIT else None


def _call(function: str, *arguments: int) -> int:
    try:
        import _ctypes

        address = _ctypes.dlsym(_ctypes.dlopen(None, 0), function)  # type: ignore[arg-type]  # None: what is loaded already
        result: int = _ctypes.call_function(address, arguments)
    except (ImportError, AttributeError) as error:
        raise OSError(ENOSYS, f"no way to call {function}: {error}") from error
    if result < 0:
        raise OSError(EPERM, f"the kernel refused {function}{arguments}")  # its errno is out of reach here
    return result
