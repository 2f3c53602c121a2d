"""`procession init`: looks at the site, and proposes a declaration."""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import sys
from collections.abc import Mapping
from importlib import metadata

from procession.backends.celery_app import find_app
from procession.console import declared, text
from procession.console.proposal import Facts, Proposed, Value, propose
from procession.errors import Problem
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Declaration, Site

SUMMARY = "Look at the site and propose a declaration"
EXAMPLES = ("procession init", "procession init --write")
DETAILS = """\
It prints what to put into the settings, or a procession.toml with --toml. With --write it appends it to the settings
file, or writes procession.toml; what is there already is never changed."""
NOTHING_DECLARED = "E031"
TOML_NAME = "procession.toml"
SETTINGS_KEY = "PRODUCTION_PROCESSES"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--toml", action="store_true", help="as procession.toml (the default without Django)")
    parser.add_argument("--write", action="store_true", help="write it where it belongs, if nothing is there yet")


def run(options: argparse.Namespace) -> int:
    options.file, options.dev = "", False
    loaded = declared.load(options)
    broken = [problem for problem in loaded.problems if problem.is_error and problem.id != NOTHING_DECLARED]
    if broken and loaded.site is None:
        return _say_broken(broken, options)
    if loaded.data is not None or broken:
        text.say("The site has a declaration already; to look at it: procession check, procession render")
        return ExitCode.DONE
    site = loaded.site or Site(directory=options.directory, python=sys.executable)
    proposed = propose(look(site))
    if options.toml or not site.settings_module:
        return _give(to_toml(proposed), os.path.join(site.directory, TOML_NAME), options)
    return _give(to_settings(proposed, site), settings_file(site), options)


def look(site: Site) -> Facts:
    """The facts of this site, and of what its Python has installed."""
    return Facts(
        versions=_versions(),
        apps=site.installed_apps,
        wsgi=site.wsgi,
        asgi=site.asgi,
        celery_app=find_app(Declaration(), site) if site.settings_module else "",
        has_beat_schedule=_has_beat_schedule(site),
        is_django=bool(site.settings_module),
    )


def to_settings(proposed: list[Proposed], site: Site) -> str:
    """A piece of settings.py."""
    lines = ["# The site's processes. To check them: procession check. To run them: procession up"]
    if not site.has_app:
        lines.append(
            '# Put "procession" into INSTALLED_APPS, too: then processes say themselves when the site is loaded.'
        )
    lines.append(f"{SETTINGS_KEY} = {{")
    for one in proposed:
        mark = "# " if one.is_doubtful else ""
        lines += [f"    # {one.why}", f"    {mark}{_python(one.name)}: {{"]
        lines += [f"    {mark}    {_python(key)}: {_python(value)}," for key, value in one.keys.items()]
        lines.append(f"    {mark}}},")
    return "\n".join([*lines, "}", ""])


def to_toml(proposed: list[Proposed]) -> str:
    """A procession.toml."""
    lines = ["# The site's processes. To check them: procession check. To run them: procession up"]
    for one in proposed:
        mark = "# " if one.is_doubtful else ""
        lines += ["", f"# {one.why}", f"{mark}[processes.{one.name}]"]
        lines += [f"{mark}{key.lower()} = {_toml(value)}" for key, value in one.keys.items()]
    return "\n".join([*lines, ""])


def settings_file(site: Site) -> str:
    """The file of the settings module; "" if it is none of the project's."""
    path = os.path.join(site.directory, *site.settings_module.split("."))
    return next((file for file in (f"{path}.py", os.path.join(path, "__init__.py")) if os.path.isfile(file)), "")


def _give(written: str, path: str, options: argparse.Namespace) -> int:
    """Print it, or write it to its place. Raises Refusal."""
    if not options.write:
        if path:
            text.say(f"For {path}; to put it there: procession init --write{' --toml' if options.toml else ''}")
        print(written, end="")
        return ExitCode.DONE
    if not path:
        raise Refusal("the settings are no file of this project", "put it there by hand: procession init")
    try:
        _append(path, written)
    except OSError as error:
        raise Refusal(f"cannot write {path}: {error.strerror}") from error
    text.say(f"Written to {path}. Next: procession check, then: procession up")
    return ExitCode.DONE


def _append(path: str, written: str) -> None:
    """At the end of what is there: nobody's line is changed. Raises OSError, Refusal."""
    before = _read(path)
    if before and path.endswith(".py") and _mentions(before):
        raise Refusal(f"{path} says something about {SETTINGS_KEY} already", "look there", code=ExitCode.NOT_SO)
    if before and path.endswith(".toml"):
        raise Refusal(f"{path} is there already", "look there", code=ExitCode.NOT_SO)
    gap = "" if not before else "\n\n" if before.endswith("\n") else "\n\n\n"
    with open(path, "a", encoding="utf-8") as file:
        file.write(gap + written)


def _mentions(source: str) -> bool:
    """Also true of a file that we cannot parse: it is not ours to add to."""
    try:
        ast.parse(source)
    except SyntaxError:
        return True
    return SETTINGS_KEY in source


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _say_broken(problems: list[Problem], options: argparse.Namespace) -> int:
    for line in text.problem_lines(problems, text.Ink(sys.stderr, no_color=options.no_color)):
        text.say(line)
    return ExitCode.NOT_SO


def _versions() -> dict[str, str]:
    """Normalised name (PEP 503) -> version, of all that this Python has installed."""
    found = {}
    for distribution in metadata.distributions():
        if name := distribution.metadata["Name"]:
            found[re.sub(r"[-_.]+", "-", name).lower()] = distribution.version
    return found


def _has_beat_schedule(site: Site) -> bool:
    """Whether the settings or the celery module beside them speak of a schedule."""
    settings = settings_file(site) if site.settings_module else ""
    if not settings:
        return False
    files = [settings, os.path.join(os.path.dirname(settings), "celery.py")]
    return any("beat_schedule" in _read(file).lower() for file in files)


def _python(value: Value) -> str:
    """As a person would write it in settings.py: double quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_python(key)}: {_python(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _toml(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
