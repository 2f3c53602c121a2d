"""systemd as an engine: a hardened service for each process, driven by systemctl and journalctl."""

from __future__ import annotations

from procession.engines.base import Engine
from procession.engines.systemd.journal import events, logs
from procession.engines.systemd.options import Options
from procession.engines.systemd.render import directory, render
from procession.engines.systemd.roll import roll
from procession.engines.systemd.status import status
from procession.engines.systemd.taking_in import apply, check
from procession.engines.systemd.verbs import down, restart, scale, start, stop

ENGINE = Engine(
    name="systemd",
    title="systemd",
    options=Options,
    render=render,
    directory=directory,
    check=check,
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
    takes={
        "logs": frozenset({"since", "until", "grep", "json", "no_times"}),
        "events": frozenset({"since", "json"}),
    },
    runs_supervisor=lambda options: bool(options.supervisor),
)
