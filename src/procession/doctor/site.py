"""What the site's own Python has said: whether it loads, and whether what it needs can be reached from there."""

from __future__ import annotations

from collections.abc import Iterator

from procession.control import wire
from procession.doctor.case import Case
from procession.doctor.finding import Finding, Weight
from procession.doctor.knowledge import explain
from procession.stack.model import Probe, ProbeType, Process

BAD_REQUEST = 400
LOADING = {"setup": "its apps do not load (django.setup())", "wsgi": "the web application does not load"}
FIXES = {
    "cache": "start it, or correct CACHES",
    "broker": "start it, or correct the broker's URL in the settings",
    "database": "start it, or correct DATABASES",
}


def examine_site(case: Case) -> Iterator[Finding]:
    """Whether it loads, as a worker of a web server would load it."""
    if case.report_trouble:
        yield Finding(weight=Weight.SYMPTOM, about="report", what=case.report_trouble, fix="procession check says more")
    for key, words in LOADING.items():
        failed = case.report.get(key)
        if failed:
            meaning = explain(failed["what"], python=case.python)
            yield Finding(
                weight=Weight.RISK if case.is_well and not case.engine else Weight.CAUSE,  # whose "ready" says less
                about=meaning.about if meaning else key,
                what=f"{words}: {meaning.what if meaning else failed['what']}",
                fix=meaning.fix if meaning else "correct it there; procession check tries again",
                seen=(*failed["frames"], failed["what"]),
            )


def examine_needs(case: Case) -> Iterator[Finding]:
    """The databases, caches, migrations and brokers: what was asked there, and went wrong."""
    for answer in case.report.get("answers", ()):
        if answer["trouble"]:
            yield _need(answer, case)


def _need(answer: wire.Message, case: Case) -> Finding:
    name, trouble = answer["name"], answer["trouble"]
    kind = name.partition(".")[0]
    meaning = None if kind == "cache" else explain(trouble, python=case.python)
    if meaning is None and kind == "broker" and "refused" in trouble and case.report.get("celery"):
        what = f"the broker is down: nobody listens at {case.report['celery']['broker']}"
        return Finding(weight=Weight.CAUSE, about="broker down", what=what, fix=FIXES["broker"], seen=(trouble,))
    return Finding(
        weight=Weight.RISK if meaning and _comes_with_the_start(meaning.about, case) else Weight.CAUSE,
        about=meaning.about if meaning else name,
        what=meaning.what if meaning else f"the {name} does not answer: {trouble}",
        fix=meaning.fix if meaning else FIXES.get(kind, ""),
        seen=(*_places(kind, case), trouble) if meaning else _places(kind, case),
    )


def _comes_with_the_start(about: str, case: Case) -> bool:
    """What the site's own task does at the next start: it makes the database, and its tables."""
    has_task = any("migrate" in process.argv for process in case.processes())
    return about in ("migrations", "sqlite file") and has_task and case.status is None


def _places(kind: str, case: Case) -> tuple[str, ...]:
    if kind == "broker":
        broker = case.report.get("celery", {}).get("broker", "")
        return (f"broker: {broker}",) if broker else ()
    if kind not in ("database", "migrations"):
        return ()
    return tuple(
        f'DATABASES["{each["alias"]}"]: {each["engine"]} at {each["place"]}' for each in case.report["databases"]
    )


def examine_hosts(case: Case) -> Iterator[Finding]:
    """ALLOWED_HOSTS, for people and for the probes; and DEBUG."""
    if not case.report or case.report.get("setup"):
        return
    allowed, debug = case.report["allowed_hosts"], case.report["debug"]
    for process in case.processes():
        for probe, host in asked_hosts(process):
            if host in case.report["refused_hosts"]:
                yield _refused(process, probe, host, case)
    if not allowed and not debug:
        what = "ALLOWED_HOSTS is empty and DEBUG is off: the site answers every request with 400"
        yield Finding(
            weight=Weight.CAUSE, about="hosts", what=what, fix='name the site\'s hosts: ALLOWED_HOSTS = ["example.com"]'
        )
    if debug:
        what = "DEBUG is on: an error shows settings and source to whoever makes it, and memory grows with every query"
        yield Finding(weight=Weight.RISK, about="debug", what=what, fix="DEBUG = False in production")


def _refused(process: Process, probe: Probe, host: str, case: Case) -> Finding:
    views = [view for view in case.unwell() if view["process"] == process.name]
    told = [event.detail.get("because") or event.detail.get("said") for view in views
            for event in case.events_of(view["name"], "stopping", "unready")]  # fmt: skip
    said = [str(words) for words in (*(view["why"] for view in views), *told) if f"{BAD_REQUEST}" in str(words)]
    name = host.rpartition(":")[0] or host
    what = f"{process.name}: ALLOWED_HOSTS does not have {name}, as its probe GET {probe.path} says: it gets 400"
    fix = f'add "{name}" to ALLOWED_HOSTS, or have the probe say one that is in it: "HOST": "{_example(case)}"'
    seen = (f"ALLOWED_HOSTS = {case.report['allowed_hosts']}", *said[-1:])
    return Finding(weight=Weight.CAUSE if said else Weight.RISK, about="hosts", what=what, fix=fix, seen=seen)


def _example(case: Case) -> str:
    names = [host.lstrip(".") for host in case.report["allowed_hosts"] if "*" not in host]
    return names[0] if names else "example.com"


def asked_hosts(process: Process) -> Iterator[tuple[Probe, str]]:
    """Each of its http probes to which 400 is a wrong answer, with the Host header that it sends."""
    for probe in (process.startup, process.readiness, process.liveness):
        if probe is None or probe.type is not ProbeType.HTTP:
            continue
        is_good = BAD_REQUEST in probe.status if probe.status else probe.status_below > BAD_REQUEST
        where = probe.address or (process.listeners[0].bind if process.listeners else "")
        host = probe.host or ("localhost" if where.startswith("unix:") else where)
        if host and not is_good:
            yield probe, host
