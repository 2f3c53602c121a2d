"""Another version of Procession takes our place: the same process, by execve(2), with another program in it.

So the pid stays, which systemd, a container's runtime and the recorder know us by; the instances stay our children, so
that how each of them ends is known; and what is open can stay open: the lock, the control socket with whoever connects
meanwhile in its backlog, what programs say of themselves, the listeners. All else the next one finds as it would after
our death. Signals are held back until it can take them.
"""

from __future__ import annotations

import os

import procession
from procession.supervisor.core.instance import Phase
from procession.supervisor.core.model import Model
from procession.supervisor.linux.inherited import Inherited, all_fds, show_inherited
from procession.supervisor.linux.signals import block_signals, unblock_signals

TRY_AGAIN = "Procession is being upgraded: try again"
BUSY = frozenset({Phase.STOPPING, Phase.KILLING})


def why_not_now(model: Model) -> str:
    """Why it has to wait: what is under way is not written down, so the next one would not go on with it."""
    if model.is_ending:
        return "the supervisor is going down; there is nothing to upgrade"
    for instance in model.instances.values():
        if instance.roll or instance.again or instance.outgoing:
            return f"{instance.name} is being replaced; try again when that is done"
        if instance.phase in BUSY:
            return f"{instance.name} is {instance.phase.value}; try again when that is done"
    if model.operations:
        return "another command is under way; try again when it is done"
    return ""


def why_not_this(program: list[str]) -> str:
    """Why the program (`python ... script`) cannot be started by us, as far as can be seen without doing it."""
    if len(program) < 2:
        return f"not a program: {program!r}"
    for path, mode, what in ((program[0], os.X_OK, "run"), (program[-1], os.R_OK, "read")):
        if not os.access(path, mode):
            return f"the supervisor, uid {os.geteuid()}, cannot {what} {path}"
    return ""


def become(program: list[str], arguments: list[str], inherited: Inherited) -> None:
    """Be `program` from here on. Returns only by raising OSError: then everything is as it was."""
    fds = all_fds(inherited)
    argv = [*program, *arguments, "--inherit", show_inherited(inherited), "--replaces", procession.__version__]
    block_signals()
    try:
        for fd in fds:
            os.set_inheritable(fd, True)
        os.execv(argv[0], argv)
    finally:
        for fd in fds:
            os.set_inheritable(fd, False)
        unblock_signals()
