"""Django's system checks with Procession's ids: `manage.py check` says what `procession check` would.

A declaration's own mistakes are found on every run. What depends on the machine (a program that is not installed, an
env file that is not there) is only asked for by `check --deploy`: a developer's laptop need not have it.
"""

from __future__ import annotations

from django.core import checks
from django.core.checks import CheckMessage, register

from procession.errors import Problem

TAG = "procession"
HEALTH = "procession.django.health.HealthMiddleware"
REDIRECTS = frozenset(
    {
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.locale.LocaleMiddleware",
    }
)
"""Those of Django that look at a request's host, or send it elsewhere."""


@register(TAG)
def check_declaration(**kwargs: object) -> list[CheckMessage]:
    """What the declaration itself says wrong."""
    from procession.django.pick import project_directory
    from procession.django.reading import read_site
    from procession.stack.declare import declare

    directory = project_directory()
    declared = [read_site(directory), read_site(directory, development=True)]
    problems = [problem for one in declared for problem in declare(one).problems]
    return [_message(problem) for problem in dict.fromkeys(problems)]  # PRODUCTION_STACK is a part of both


@register(TAG, deploy=True)
def check_stack(**kwargs: object) -> list[CheckMessage]:
    """What `load` finds beyond that: programs, options, files, users, and what is between processes."""
    from procession.django.pick import project_directory
    from procession.django.reading import read_site
    from procession.django.site import site_facts
    from procession.load import load
    from procession.stack.declare import declare

    directory = project_directory()
    declared = read_site(directory)
    if not declared.processes:
        return []
    known = set(declare(declared).problems)
    problems = load(declared, site_facts(directory))[1]
    return [_message(problem) for problem in problems if problem not in known]


@register(TAG)
def check_health(**kwargs: object) -> list[CheckMessage]:
    """What stands before the health endpoints answers in their place: with a redirect, or a 400."""
    from django.conf import settings

    names = list(settings.MIDDLEWARE)
    before = names[: names.index(HEALTH)] if HEALTH in names else []
    in_the_way = [name.rpartition(".")[2] for name in before if name in REDIRECTS]
    if not in_the_way:
        return []
    what = f"a probe gets a redirect or a 400 from what stands before HealthMiddleware: {', '.join(in_the_way)}"
    return [_message(Problem("W158", "middleware", what, "MIDDLEWARE", f'let "{HEALTH}" be the first'))]


def _message(problem: Problem) -> CheckMessage:
    kind = checks.Error if problem.is_error else checks.Warning
    hint = " · ".join(part for part in (problem.origin and f"from {problem.origin}", problem.fix) if part)
    return kind(f"{problem.where}: {problem.what}", hint=hint or None, id=f"procession.{problem.id}")
