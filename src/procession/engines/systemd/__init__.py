"""systemd as an engine: a hardened service for each process, driven by systemctl and journalctl."""

from __future__ import annotations

from procession.engines.base import Engine, Need
from procession.engines.systemd.journal import events, logs
from procession.engines.systemd.options import Options
from procession.engines.systemd.render import directory, render
from procession.engines.systemd.roll import roll
from procession.engines.systemd.status import status
from procession.engines.systemd.taking_in import apply, check, leave
from procession.engines.systemd.units import systemctl
from procession.engines.systemd.verbs import down, restart, scale, start, stop

NEED = Need(
    look=lambda asked: systemctl(asked.options, "show", "--property=Version"),
    lacking="systemd does not answer",
    install="it needs a machine with systemd; elsewhere: --engine supervisord",
    fix="it must run as the machine's init, or as yours with USER_MODE; in a container: --engine supervisord",
)
ENGINE = Engine(
    name="systemd",
    title="systemd",
    options=Options,
    render=render,
    directory=directory,
    check=check,
    leave=leave,
    apply=apply,
    status=status,
    verbs={
        "start": start,
        "stop": stop,
        "restart": restart,
        "roll": roll,
        "scale": scale,
        "down": down,
        "logs": logs,
        "events": events,
    },
    needs=(NEED,),
    takes={
        "logs": frozenset({"since", "until", "grep", "json", "no_times"}),
        "events": frozenset({"since", "json"}),
    },
    runs_supervisor=lambda options: bool(options.supervisor),
)
