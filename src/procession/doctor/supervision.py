"""Who runs the site: whether anybody does, what a person has stopped, and what is left of earlier runs."""

from __future__ import annotations

from collections.abc import Iterator

from procession.doctor.case import Case
from procession.doctor.finding import Finding, Weight
from procession.supervisor.linux import procfs

NAMED_MAX = 5


def examine_supervisor(case: Case) -> Iterator[Finding]:
    if case.status is None:
        what = case.refusal or f"no supervisor runs in {case.stack_directory}"
        seen = [f"{event.kind} by {event.who}" for event in case.events if event.kind == "down"][-1:]
        fix = f"see: procession status, by {case.engine}" if case.engine else "start the site: procession up -d"
        yield Finding(weight=Weight.SYMPTOM, about="supervisor", what=what, fix=fix, seen=tuple(seen))
    for event in [event for event in case.events if event.kind in ("supervisor-died", "log-dropped")][-1:]:
        what = f"{event.kind}: {event.detail.get('message', '')}"
        yield Finding(weight=Weight.RISK, about=event.kind, what=what, fix="see: procession events")


def examine_stopped(case: Case) -> Iterator[Finding]:
    """What nobody wants to run: somebody has said so."""
    for view in case.views():
        if view["wanted"] or view["phase"] != "stopped":
            continue
        asked = [event for event in case.events if event.kind == "stop-asked" and event.process == view["process"]]
        seen = tuple(f"asked for by {event.who}" for event in asked[-1:])
        yield Finding(
            weight=Weight.SYMPTOM if case.names else Weight.RISK,
            about=f"state {view['name']}",
            what=f"{view['name']}: stopped, because a person wanted it",
            fix=f"procession start {view['process']}",
            seen=seen,
        )


def examine_orphans(case: Case) -> Iterator[Finding]:
    """Processes that carry our mark, and belong to no instance that is known. Another engine knows its own."""
    if case.engine:
        return
    known = {view["pid"] for view in case.all_views()} | {
        view["draining"]["pid"] for view in case.all_views() if view.get("draining")
    }
    last_life = max((view["life"] for view in case.all_views()), default=0)  # what began since then is no orphan
    left: dict[int, str] = {}
    for pid in procfs.all_pids():
        mark = procfs.read_mark(pid)
        if mark is None or mark.directory != case.stack_directory or not mark.instance or mark.main in known:
            continue
        stat = procfs.read_stat(pid)
        is_new = case.status is not None and mark.life > last_life
        if stat is not None and not stat.is_dead and not is_new:
            left[pid] = f"{pid} ({stat.program}, of {mark.instance})"
    if not left:
        return
    shown = ", ".join(list(left.values())[:NAMED_MAX]) + (
        f" and {len(left) - NAMED_MAX} more" if len(left) > NAMED_MAX else ""
    )
    if case.status is None:
        what, fix = f"left of an earlier run, without a supervisor: pid {shown}", "procession up -d takes them over"
    else:
        what, fix = (
            f"left of an earlier life, and of no instance: pid {shown}",
            f"end them: kill {' '.join(map(str, left))}",
        )
    yield Finding(weight=Weight.SYMPTOM if case.status is None else Weight.RISK, about="orphans", what=what, fix=fix)
