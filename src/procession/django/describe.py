"""`python -m procession.django.describe`: a short-lived child in the site's Python that prints its Stack as JSON.

    {"stack": {...} or null, "problems": [{"id": "E001", "where": ..., ...}], "site": {...} or null}

The supervisor never imports the site: this does, and is gone. What the site prints while it is imported goes to stderr,
so that stdout holds the JSON and nothing else. Exits with 0, or with 1 where a problem is an error (`stack` is null).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Sequence

from procession.django.reading import read
from procession.django.site import SETTINGS, import_problem, open_site
from procession.errors import Problem
from procession.load import Loaded, asks_django, load
from procession.load.development import read_adapted
from procession.owner import acting_as_owner_of
from procession.refusal import ExitCode
from procession.sources.discover import Found, discover
from procession.stack.codec import to_data
from procession.stack.model import Site


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    answer = _keep_stdout()
    if options.settings:
        os.environ[SETTINGS] = options.settings
    found = discover(os.getcwd(), options.source, development=options.development)
    site = found if isinstance(found, Problem) else _site_as_its_owner(found)
    stack, problems = _describe(found, site, options)
    data = {"stack": to_data(stack), "problems": to_data(problems)}
    data["site"] = to_data(site) if isinstance(site, Site) else None
    _answer(answer, json.dumps(data))
    return ExitCode.NOT_SO if any(problem.is_error for problem in problems) else ExitCode.DONE


def _describe(found: Found | Problem, site: Site | Problem, options: argparse.Namespace) -> Loaded:
    if isinstance(found, Problem):
        return None, [found]
    if isinstance(site, Problem):
        return None, [site]
    with acting_as_owner_of(found.directory):
        declared = read_adapted(found, site, read, os.environ) if options.adapt else read(found)
        warnings = _set_up(site) if options.options and site.settings_module and asks_django(declared, site) else []
    stack, problems = load(declared, site, check_options=options.options)
    return stack, [*warnings, *problems]


def _site_as_its_owner(found: Found) -> Site | Problem:
    with acting_as_owner_of(found.directory):
        return _site(found)


def _site(found: Found) -> Site | Problem:
    """The facts of the site; without a manage.py there is no Django, and little to know."""
    if found.manage:
        return open_site(found.manage)
    return Site(directory=found.directory, python=sys.executable)


def _set_up(site: Site) -> list[Problem]:
    """Load the site's apps, whose management commands are asked for their options. That it fails is no error here."""
    try:
        import django

        django.setup()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the site's code may do anything
        problem = import_problem(error, site.directory)
        what = problem.what.replace("does not import", "django.setup() fails")
        return [Problem("W005", problem.where, what, problem.origin, problem.fix, problem.detail)]
    return []


def _keep_stdout() -> int:
    """A descriptor for our answer; from here on whatever writes to stdout, C code too, writes to stderr."""
    answer = os.dup(1)
    os.dup2(2, 1)
    return answer


def _answer(fd: int, text: str) -> None:
    with open(fd, "w", encoding="utf-8", errors="surrogateescape") as out:
        out.write(f"{text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m procession.django.describe")
    parser.add_argument("--source", default="", metavar="FILE", help="what declares the site; found if not said")
    parser.add_argument("--settings", default="", metavar="MODULE", help="the site's settings")
    parser.add_argument("--development", action="store_true", help="what is declared for development")
    parser.add_argument("--adapt", action="store_true", help="as `procession dev` runs it")
    parser.add_argument("--no-options", dest="options", action="store_false", help="take ARGS on trust")
    return parser


def _exit(code: int) -> None:
    """Leave without waiting: a thread that the site has left running must not keep us here."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    gc.disable()  # What a site imports stays, and this is over in a moment: to look for garbage costs a tenth.
    _exit(main())
