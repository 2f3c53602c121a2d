"""The pages: what each asks for, and what it shows when nobody answers.

That nobody answers is something to show, and no failure of the site (5xx), of which Django would mail its admins: each
second, as a page is brought up to date.
"""

from __future__ import annotations

from time import monotonic
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from procession.console.lines import harmless
from procession.control.wire import Message
from procession.dashboard import declaration
from procession.dashboard.access import Visitor
from procession.dashboard.pages import render
from procession.dashboard.place import is_in_container, own_process, stack_directory
from procession.recorder.reading.records import Record
from procession.refusal import ExitCode, Refusal
from procession.watching import actions, story, tail
from procession.watching.actions import VERBS
from procession.watching.look import ENGINE_SECONDS, ask_elsewhere, look
from procession.watching.picture import ProcessRow

FIND_CHARACTERS_MAX = 200
MAY_NOT_OPERATE = "You may look, and not touch: that takes the permission procession.operate. An admin gives it."
COUNT_DIGITS_MAX = 5


@require_safe
def stack(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Everything that runs."""
    directory = stack_directory()
    facts = _facts(request, visitor) | _seen(directory)
    facts |= {"section": "stack", "at": _now()}
    facts["story"] = _story(directory)
    return render(request, "stack.html", facts)


@require_safe
def process(request: HttpRequest, visitor: Visitor, name: str) -> HttpResponse:
    """One process, or one instance of it: its instances, events, log, environment and declaration."""
    directory = stack_directory()
    facts = _facts(request, visitor) | _seen(directory, name)
    row = facts.get("row")
    process_name = row.name if isinstance(row, ProcessRow) else _process_of(directory, name)
    described = declaration.declared(directory, process_name)
    if row is None and not (described and name == process_name) and not tail.has_log(directory, name):
        raise Http404(f"no process {name!r}")
    facts |= {
        "at": _now(),
        "name": name,
        "process_name": process_name,
        "rows": [row] if isinstance(row, ProcessRow) else [],
        "story": _story(directory, (name,)),
        "facts": declaration.facts(described) if described else [],
        "variables": declaration.variables(described) if described else [],
        **_log(request, directory, name),
    }
    return render(request, "process.html", facts)


@require_safe
def events(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """The history, a page at a time."""
    directory = stack_directory()
    name, before = request.GET.get("name", ""), request.GET.get("before", "")
    names = (name,) if name else ()
    last = int(before) if before.isdecimal() and len(before) < 19 else None
    found = _story(directory, names, before=last, count=story.PAGE_EVENTS)
    facts = {"section": "events", "name": name, "names": story.known_names(directory), "story": found, "before": before}
    if found.older:
        facts["older"] = urlencode({"name": name, "before": found.older} if name else {"before": found.older})
    return render(request, "events.html", _facts(request, visitor) | facts)


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, visitor: Visitor, name: str, verb: str) -> HttpResponseBase:
    """Ask whether it is meant (GET), or have it done (POST): a verb on a process or an instance."""
    return _act(request, visitor, name, verb)


@require_http_methods(["GET", "HEAD", "POST"])
def act_on_all(request: HttpRequest, visitor: Visitor, verb: str) -> HttpResponseBase:
    """The same on the whole stack; it cannot be scaled."""
    if verb == "scale":
        raise Http404(verb)
    return _act(request, visitor, "", verb)


def _act(request: HttpRequest, visitor: Visitor, name: str, verb: str) -> HttpResponseBase:
    if verb not in VERBS:
        raise Http404(verb)
    facts = _facts(request, visitor) | {"name": name, "verb": verb, "back": _page_of(name)}
    if not visitor.may_operate:
        facts |= {"title": f"{visitor.name} may not do this", "text": MAY_NOT_OPERATE}
        return render(request, "refused.html", facts, status=403)
    elsewhere = ask_elsewhere(stack_directory(), " ".join(["procession", verb, *([name] if name else [])]))
    if elsewhere:
        return render(request, "complaint.html", {**facts, "complaints": [elsewhere]}, status=409)
    if request.method != "POST":
        return _confirm(request, facts)
    complaints = _do(visitor, name, verb, request.POST.get("count", ""))
    if complaints:
        return render(request, "complaint.html", {**facts, "complaints": complaints}, status=409)
    return HttpResponseRedirect(f"{_page_of(name)}?{urlencode({'asked': verb})}")


def _confirm(request: HttpRequest, facts: dict[str, object]) -> HttpResponse:
    name, verb = str(facts["name"]), VERBS[str(facts["verb"])]
    seen = _seen(stack_directory(), name)
    row = seen.get("row")
    if name and row is None and not seen.get("trouble"):
        raise Http404(f"no process or instance {name!r}")
    if facts["verb"] == "scale" and isinstance(row, ProcessRow) and not row.is_whole:
        raise Http404(f"{name!r} is an instance, and cannot be scaled")
    means = verb.means.format(name=name or "every process")
    own = own_process()
    is_own = bool(own) and (not name or (isinstance(row, ProcessRow) and row.name == own))
    facts |= seen | {"title": verb.title, "means": means, "is_hard": verb.is_hard, "is_own": is_own}
    return render(request, "confirm.html", facts)


def _do(visitor: Visitor, name: str, verb: str, count: str) -> list[str]:
    """Gives what went wrong."""
    fields: Message = {"names": [name] if name else []}
    if verb == "scale":
        if not count.isdecimal() or len(count) > COUNT_DIGITS_MAX:
            return [f"{name}: cannot scale to {count!r}: write a number"]
        fields = {"counts": {name: int(count)}}
    try:
        return actions.perform(stack_directory(), verb, fields, by=visitor.name)
    except Refusal as refusal:
        return [text for text in (refusal.what, refusal.fix) if text]


def _facts(request: HttpRequest, visitor: Visitor) -> dict[str, object]:
    """What every page knows."""
    asked = VERBS.get(request.GET.get("asked", ""))
    return {
        "visitor": visitor,
        "directory": stack_directory(),
        "engine_ms": int(ENGINE_SECONDS * 1000),
        "asked": f"{asked.title}: asked for. This page shows how it goes." if asked else "",
    }


def _now() -> str:
    """What the page's script reckons processor time by; a page that has it is brought up to date each second."""
    return f"{monotonic():.3f}"


def _seen(directory: str, name: str = "") -> dict[str, object]:
    """The picture, and in it the row of `name`; or what the trouble is."""
    try:
        seen = look(directory)
    except Refusal as refusal:
        is_alone = refusal.code == ExitCode.NO_SUPERVISOR and is_in_container()
        return {"trouble": refusal.what, "fix": refusal.fix, "is_in_container": is_alone}
    return {"picture": seen, "row": seen.row(name)}


def _story(
    directory: str, names: tuple[str, ...] = (), *, before: int | None = None, count: int = story.TIMELINE_EVENTS
) -> story.Story:
    elsewhere = ask_elsewhere(directory, " ".join(["procession events", *names]))
    return story.Story(trouble=elsewhere) if elsewhere else story.story(directory, names, before=before, count=count)


def _process_of(directory: str, name: str) -> str:
    """Of a process its own name; of an instance that is no more, that of its process."""
    return name if declaration.declared(directory, name) else name.rpartition(".")[0] or name


def _log(request: HttpRequest, directory: str, name: str) -> dict[str, object]:
    """The lines; with `after`, those that came since."""
    find, cursor = request.GET.get("find", "")[:FIND_CHARACTERS_MAX], request.GET.get("after", "")
    elsewhere = ask_elsewhere(directory, f"procession logs {name}")
    if elsewhere:
        return {"log_elsewhere": elsewhere}
    try:
        found = tail.lines_after(directory, name, find, cursor) if cursor else tail.last_lines(directory, name, find)
    except OSError as error:
        return {"log_trouble": f"cannot read {error.filename}: {error.strerror}", "find": find}
    lines = [_line(record) for record in found.records]
    return {"lines": lines, "cursor": found.cursor, "is_cut": found.is_cut, "find": find, "goes_on": bool(cursor)}


def _line(record: Record) -> dict[str, str]:
    return {
        "time": record.time[11:23],
        "stamp": record.time,
        "instance": record.instance,
        "text": harmless(record.text, has_color=False),
    }


def _page_of(name: str) -> str:
    return reverse("procession:process", args=[name]) if name else reverse("procession:stack")
