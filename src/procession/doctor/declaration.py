"""What is wrong with the declaration, as `procession check` says it; and why settings do not import, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from procession.doctor.case import Case
from procession.doctor.finding import Finding, Weight
from procession.doctor.interpreter import trouble_of
from procession.doctor.knowledge import explain
from procession.errors import Problem

NO_IMPORT = "E030"
NO_PROGRAM = "E028"
WARNINGS_MAX = 5


def examine_declaration(case: Case) -> Iterator[Finding]:
    """Errors are causes; where all runs all the same, they are what the next `update` will meet."""
    weight = Weight.RISK if case.is_well else Weight.CAUSE
    wanted = [problem for problem in case.problems if not case.names or _is_about(problem, case)]
    for problem in (problem for problem in wanted if problem.is_error):
        yield _import(problem, case, weight) if problem.id == NO_IMPORT else _mistake(problem, weight)
    for problem in [problem for problem in wanted if not problem.is_error][:WARNINGS_MAX]:
        yield _mistake(problem, Weight.RISK)


def _is_about(problem: Problem, case: Case) -> bool:
    name = problem.where.partition(".")[0]
    others = {process.name for process in case.stack.processes} if case.stack else set()
    return name not in others or name in {process.name for process in case.processes()}


def _mistake(problem: Problem, weight: Weight) -> Finding:
    written = (f"written in {problem.origin}",) if problem.origin else ()
    path = problem.what.rpartition(": ")[2]
    program = trouble_of(path) if problem.id == NO_PROGRAM and path.startswith("/") else None
    what, fix = program or (problem.what, problem.fix)
    return Finding(
        weight=weight,
        about=f"{problem.id} {problem.where}",
        what=f"{problem.where}: {what} [procession.{problem.id}]",
        fix=fix,
        seen=(*written, *problem.detail),
    )


def _import(problem: Problem, case: Case, weight: Weight) -> Finding:
    said = problem.what.removeprefix("does not import: ")
    seen = (*problem.detail, said)
    if f"No module named '{problem.where}'" in said or f"No module named '{problem.where.partition('.')[0]}'" in said:
        what = f"DJANGO_SETTINGS_MODULE is {problem.where}, and there is no such module"
        fix = "correct it in manage.py, in the environment or in --settings; the site's folder must be on the path"
        return Finding(weight=weight, about="settings", what=what, fix=fix, seen=seen)
    meaning = explain(said, python=case.python)
    what = f"the settings ({problem.where}) do not import: {meaning.what if meaning else said}"
    return Finding(
        weight=weight,
        about=meaning.about if meaning else "settings",
        what=what,
        fix=meaning.fix if meaning else problem.fix,
        seen=seen,
    )
