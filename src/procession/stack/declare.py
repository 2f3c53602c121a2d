"""What a person wrote -> Declarations, and all that is wrong with it at once. How one field is read: `fields`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from procession.errors import Problem
from procession.stack import forms
from procession.stack.declared import Declared, Place
from procession.stack.fields import Given, build, fitting, read_mapping
from procession.stack.model import COMMON_ALONE, Common, Declaration
from procession.stack.values import show

NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_-]{0,38}[A-Za-z0-9])?")
MAIN_KEYS = frozenset({"backend", "command"})
TAKE_COMMAND = frozenset({"command", "manage"})  # the backends that COMMAND is for
NAME_RULE = "use letters, digits, - and _ (40 at most; a letter first, no - or _ last): it names files, units and pods"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One process's declaration with what is common to all merged in, and its origin.

    `startup`, `readiness` and `liveness` hold only those fields of a probe that were said: the rest is for the backend.
    A field with a mistake in it counts as not said, so that all else can be looked at; then it `is_good` no more.
    """

    name: str
    declaration: Declaration
    startup: Mapping[str, object]
    readiness: Mapping[str, object]
    liveness: Mapping[str, object]
    place: Place
    is_good: bool = True

    @property
    def is_foreign(self) -> bool:
        """Whether BACKEND is somebody's class for django-prodserver: the keys that we do not know are its own."""
        backend = self.declaration.backend or ""
        return "." in backend and not backend.startswith("django_prodserver.")

    def written(self, where: str) -> Place:
        """Where "env_file" was written: in the process's own mapping, else in what is common to all."""
        own = self.place.written(where)
        common = self.place.declared.common().written(where)
        return common if own.raw is None and common.raw is not None else own


@dataclass(frozen=True, slots=True)
class Read:
    """`said` holds the processes that are mappings; `names` all that were declared; `stack_name` is "" if not said."""

    said: tuple[Said, ...]
    names: tuple[str, ...]
    stack_name: str
    common: Given  # those fields of Common that are said of the stack alone
    problems: tuple[Problem, ...]


def declare(declared: Declared) -> Read:
    """Read every process of a source. Never raises for what a person wrote: that is in `problems`."""
    problems = list(declared.problems)
    common = _read_common(declared, problems)
    said = []
    for name, raw in declared.processes.items():
        mine: list[Problem] = []
        one = _read_process(str(name), raw, declared.process(str(name)), mine, common)
        if one.is_foreign:
            mine = [problem for problem in mine if not _is_unknown_key(problem, str(name))]
        problems += mine
        if isinstance(raw, Mapping):
            said.append(replace(one, is_good=not any(problem.is_error for problem in mine)))
    names = tuple(str(name) for name in declared.processes)
    problems += _same_when_folded(names, declared)
    alone = {key: value for key, value in common.items() if key in COMMON_ALONE}
    return Read(tuple(said), names, str(common.get("name", "")), alone, tuple(problems))


def _is_unknown_key(problem: Problem, name: str) -> bool:
    return problem.id == "E001" and problem.where.rpartition(".")[0] == name


def _read_common(declared: Declared, problems: list[Problem]) -> Given:
    place = declared.common()
    given = read_mapping(Common, declared.stack, place, problems)
    name = given.get("name")
    if isinstance(name, str) and not NAME.fullmatch(name):
        problems.append(place.at("NAME").problem("E008", f"is no name for a stack: {show(name)}", NAME_RULE))
    return given


def _read_process(name: str, raw: object, place: Place, problems: list[Problem], common: Given) -> Said:
    if not NAME.fullmatch(name):
        problems.append(place.problem("E008", f"is no name for a process: {show(name)}", NAME_RULE))
    given = read_mapping(Declaration, raw, place, problems)
    if isinstance(raw, Mapping):
        problems += _missing(given, raw, place, problems)
    merged = merge(common, given)
    if "stop" in given:
        timeout = merged.get("stop_timeout_seconds", forms.STOP_SECONDS)
        assert isinstance(timeout, float)
        merged["stop"] = fitting(lambda: forms.stop_ladder(given["stop"], timeout), place.at("STOP"), problems, ())
    return Said(
        name=name,
        declaration=build(Declaration, merged),
        startup=_nested(given, "startup"),
        readiness=_nested(given, "readiness"),
        liveness=_nested(given, "liveness"),
        place=place,
    )


def _missing(
    given: Given, raw: Mapping[object, object], place: Place, problems: Sequence[Problem]
) -> Sequence[Problem]:
    """Neither BACKEND nor COMMAND: nothing says what to run. One that did not fit, or is misspelt, was told before."""
    written = {str(key).lower() for key in raw}
    is_misspelt = any(f'"{key}"' in problem.fix.lower() for problem in problems for key in MAIN_KEYS)
    if not written & MAIN_KEYS and not is_misspelt:
        return [place.problem("E010", "has neither BACKEND nor COMMAND", 'add: "BACKEND": "gunicorn", or a COMMAND')]
    if given.get("command") == ():
        return [place.at("COMMAND").problem("E010", "is empty", "write the command to run")]
    if given.get("backend", "command") not in TAKE_COMMAND and given.get("command"):
        fix = "leave one of them out: options of the backend's program go in ARGS"
        return [place.problem("E033", f"has both BACKEND ({show(given['backend'])}) and COMMAND", fix)]
    return []


def _same_when_folded(names: tuple[str, ...], declared: Declared) -> list[Problem]:
    """Names that differ only in case or in - and _ would be one name on Kubernetes and in a container's hostname."""
    seen: dict[str, str] = {}
    problems = []
    for name in names:
        first = seen.setdefault(name.lower().replace("_", "-"), name)
        if first != name:
            problems.append(
                declared.process(name).problem("E008", f'differs from "{first}" only in case or - and _', "rename one")
            )
    return problems


def merge(common: Given, own: Given) -> Given:
    """What is common to all, overlaid by a process's own: mappings key by key, anything else as a whole."""
    merged = {key: value for key, value in common.items() if key not in COMMON_ALONE}
    for key, value in own.items():
        under = merged.get(key)
        merged[key] = {**under, **value} if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _nested(given: Given, name: str) -> Given:
    value = given.get(name)
    return value if isinstance(value, dict) else {}
