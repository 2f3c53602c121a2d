"""What instances died of: the supervisor's word, the last words of the program, its exit code in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from procession.control import wire
from procession.doctor.case import RECENT_SECONDS, SETTLED, Case
from procession.doctor.finding import Finding, Weight
from procession.doctor.knowledge import explain, explain_lines
from procession.units import show_seconds

EXIT = re.compile(r"exited with (\d+)")
EXCEPTION = re.compile(
    r"^(?P<line>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Warning|Interrupt|Configured|DoesNotExist)\b.*)"
)
FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<scope>.+)$')
LIBRARY = ("/site-packages/", "/dist-packages/", "/lib/python3", "<frozen ")
FRAMES_MAX = 2

CODES = {
    1: "an error of its own, as its last lines say",
    2: "wrong usage: an option that it does not have",
    126: "it was found, and may not be executed",
    127: "it was not found",
    134: "it aborted itself (SIGABRT)",
    137: "it was killed (SIGKILL): by hand, or for want of memory",
    139: "it crashed in C (SIGSEGV)",
    143: "it was asked to end (SIGTERM)",
}
CODES_OF = {
    ("gunicorn", 3): "gunicorn: no worker could be started, because the site does not load",
    ("gunicorn", 4): "gunicorn: the application could not be found or loaded",
    ("celery-worker", 69): "Celery: the broker cannot be reached, or its worker has nothing to do",
    ("uvicorn", 3): "uvicorn: the application's start-up failed",
}
SIGNALS = {
    "SIGKILL": "somebody killed it, or memory was short",
    "SIGSEGV": "it crashed in C: an extension module, or what it calls",
    "SIGABRT": "it aborted itself: see its last lines",
    "SIGBUS": "it crashed in C, or a mapped file was cut short under it (is a disk full?)",
    "SIGILL": "its program is built for another processor",
    "SIGTERM": "somebody asked it to end",
    "SIGXCPU": "it used up its processor time (RLIMIT_CPU)",
    "SIGSYS": "a system call was forbidden to it (seccomp)",
}

# What a probe saw, and what that means.
PROBED = (
    (re.compile(r"gave 400"), "the site refuses the Host header: see ALLOWED_HOSTS"),
    (re.compile(r"gave 404"), "there is no such page: correct the probe's PATH, or the urls"),
    (re.compile(r"gave 40[13]"), "that page wants a login: probe one that does not, such as /-/ready"),
    (re.compile(r"gave 5\d\d"), "the page fails: its traceback is in procession logs"),
    (re.compile(r"[Cc]onnection refused"), "nobody listens where the probe asks: compare its ADDRESS with ARGS"),
    (re.compile(r"no answer within"), "it accepts, and does not answer: does it wait for a database, or for itself?"),
    (re.compile(r"has not said yet"), "the site in it does not load: see its last lines"),
)


def examine_deaths(case: Case) -> Iterator[Finding]:
    """Of those that are wanted and not there: what each says itself, then what is seen of it."""
    for view in case.unwell():
        if view["phase"] == "waiting":
            yield _waits(view)
            continue
        yield from _told(view, case)
        yield _symptom(view, case)


def _told(view: wire.Message, case: Case) -> Iterator[Finding]:
    """By the supervisor of the start, which it has seen fail; or by the program, which may be wrong about itself."""
    name = view["name"]
    supervisors = explain(view["last_exit"], python=case.python)
    if supervisors is not None:
        what = f"{name}: {supervisors.what}"
        yield Finding(
            weight=Weight.CAUSE, about=supervisors.about, what=what, fix=supervisors.fix, seen=(view["last_exit"],)
        )
        return
    lines = case.lines.get(name, ())
    known = explain_lines(lines, python=case.python)
    exception = last_exception(lines)
    if known is not None:
        meaning, line = known
        frames = own_frames(lines)
        yield Finding(
            weight=Weight.SAID, about=meaning.about, what=f"{name}: {meaning.what}", fix=meaning.fix,
            seen=(*frames, line),
        )  # fmt: skip
    elif exception:
        yield Finding(
            weight=Weight.SAID, about=f"traceback {name}", what=f"{name}: it ends with {exception}",
            fix=f"see all of it: procession logs {name}", seen=own_frames(lines),
        )  # fmt: skip


def _symptom(view: wire.Message, case: Case) -> Finding:
    name, process = view["name"], case.process_of(view)
    backend = process.backend if process is not None else ""
    last = case.lines.get(name, ())[-1:]
    if view["phase"] in ("starting", "unready") and not view["deaths"]:
        saw = view["why"] or "it has not said yet that it is ready"
        fix = next((words for pattern, words in PROBED if pattern.search(saw)), f"see: procession logs {name}")
        return Finding(
            weight=Weight.SYMPTOM, about=f"state {name}", what=f"{name}: not ready: {saw}", fix=fix, seen=last
        )
    state = "crash-looping" if view["crash_looping"] else view["phase"]
    times = f", {view['deaths']} times in a row" if view["deaths"] > 1 else ""
    if view["phase"] in SETTLED:
        times = f", {case.recent_deaths(view)} times in {show_seconds(RECENT_SECONDS)}"
        state = "keeps restarting"
    what = f"{name}: {state}: {view['last_exit'] or view['why'] or 'its end is not known'}{times}"
    words = in_words(view["last_exit"], backend)
    said = tuple(f"its last line: {line.strip()}" for line in last) or ("it has said nothing",)
    fix = f"see: procession logs {name}"
    probed = next((meaning for pattern, meaning in PROBED if pattern.search(view["last_exit"])), "")
    seen = (*((words,) if words else ()), *said)
    return Finding(weight=Weight.SYMPTOM, about=f"state {name}", what=what, fix=probed or fix, seen=seen)


def _waits(view: wire.Message) -> Finding:
    what = f"{view['name']}: {view['why'] or 'waits'}"
    return Finding(
        weight=Weight.SYMPTOM,
        about=f"state {view['name']}",
        what=what,
        fix="it starts by itself once that is there; if it takes too long, ask about that one",
    )


def in_words(last_exit: str, backend: str = "") -> str:
    """What a death's code or signal means in this server program; "" where there is nothing to add."""
    found = EXIT.search(last_exit)
    if found:
        code = int(found[1])
        return CODES_OF.get((backend, code)) or CODES.get(code, "")
    return next((words for name, words in SIGNALS.items() if name in last_exit), "")


def last_exception(lines: Sequence[str]) -> str:
    """The last line of the last traceback: `KeyError: 'x'`; "" without one."""
    return next((line for line in reversed(lines) if EXCEPTION.match(line)), "")


def own_frames(lines: Sequence[str]) -> tuple[str, ...]:
    """Where in the site's own code the last traceback ends: `/srv/site/feeds/views.py:12 in refresh`."""
    found = [match for match in map(FRAME.match, lines) if match]
    own = [match for match in found if not any(part in match["file"] for part in LIBRARY)]
    shown = [f"{match['file']}:{match['line']} in {match['scope']}" for match in own]
    return tuple(dict.fromkeys(shown[-FRAMES_MAX:]))
