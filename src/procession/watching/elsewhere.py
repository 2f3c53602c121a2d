"""What another engine (systemd, Compose, ...) says of the site, in the same picture: its own tool is asked."""

from __future__ import annotations

import argparse

from procession.console import views
from procession.console.asking import ask
from procession.console.lines import harmless
from procession.engines import applied as memory
from procession.engines.applied import Applied
from procession.engines.base import Row
from procession.engines.registry import engine as find_engine
from procession.engines.steps import drive
from procession.refusal import Refusal
from procession.stack.model import Process
from procession.units import show_bytes, show_seconds
from procession.watching.picture import MARKS, TONES, InstanceRow, Picture, ProcessRow, summary_of
from procession.watching.usage import usage


def picture(directory: str) -> Picture:
    """Raises Refusal: the engine does not say."""
    applied = _applied(directory)
    tool = find_engine(applied.engine)
    asked = ask(tool, applied, argparse.Namespace())
    try:
        rows = drive(tool.status(asked), lambda _: None)
    except OSError as error:
        raise Refusal(f"{tool.title} cannot be asked: {error.strerror}", "procession status says more") from error
    processes = tuple(_process(process, rows) for process in applied.stack.processes)
    tone, summary = _summary(processes)
    return Picture(
        name=applied.stack.name,
        tone=tone,
        mark=MARKS[tone],
        summary=summary,
        processes=processes,
        supervisor=f"Run by {tool.title}: here it can be looked at",
        engine=tool.title,
    )


def _applied(directory: str) -> Applied:
    try:
        applied = memory.read(directory)
    except OSError as error:
        what = f"cannot read {memory.path_in(directory)}: {error.strerror}"
        raise Refusal(what, "only the user who applied the site to its engine may") from error
    if applied is None:
        raise Refusal(f"nothing runs in {directory} any more")
    return applied


def _process(process: Process, rows: tuple[Row, ...]) -> ProcessRow:
    return ProcessRow(
        name=process.name,
        backend=process.backend,
        kind=process.kind.value,
        replicas=process.replicas,
        is_singleton=process.singleton,
        listeners=tuple(views.address(listener.bind) for listener in process.listeners),
        instances=tuple(_instance(row) for row in rows if row.process == process.name),
        not_held=(),
        is_ours=False,
    )


def _instance(row: Row) -> InstanceRow:
    tone = TONES[views.COLORS.get(row.state.value, views.COLOR_OTHERS)]
    used = usage(row.pid)  # nothing, where it is another host's
    uptime_seconds = row.uptime_seconds or 0.0
    return InstanceRow(
        key=row.name,
        name=row.name,
        state=row.state.value,
        tone=tone,
        mark=MARKS[tone],
        note=harmless(row.said, has_color=False),
        is_alive=bool(row.pid),
        is_old=False,
        pid=str(row.pid or ""),
        life=row.life or str(row.pid),
        uptime=show_seconds(uptime_seconds) if uptime_seconds else "",
        restarts="" if row.restarts is None else str(row.restarts),
        used=used,
        memory=show_bytes(used.memory_bytes) if used.memory_bytes else "",
        cpu=f"{100 * used.cpu_seconds / max(1.0, uptime_seconds):.0f} %" if row.pid else "",
    )


def _summary(processes: tuple[ProcessRow, ...]) -> tuple[str, str]:
    every = [one for process in processes for one in process.instances]
    return summary_of(
        [one.name for one in every if one.tone == "bad"],
        [one.name for one in every if one.tone == "busy"],
        is_any_wanted=any(one.tone != "off" for one in every),
    )
