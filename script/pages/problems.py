"""The reference page of the problems: what each id means, and what the checks really say of an example.

The ids, their meanings and the examples are in problems.toml; tests/docs keeps them the ids of the code.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from procession.engines.options import read_options
from procession.engines.registry import engine
from procession.errors import Problem
from procession.load import load
from procession.sources.procfile import read_procfile
from procession.sources.settings import read_settings
from procession.sources.toml import read_toml
from procession.stack.codec import from_data
from procession.stack.declared import Declared
from procession.stack.model import Site, Stack

MISTAKES: Mapping[str, Mapping[str, Any]] = tomllib.loads(Path(__file__).with_name("problems.toml").read_text())
SITE = "/srv/mysite"  # stands for the folder in which an example was tried
HEAD = """\
# Problems

<!-- Written by script/reference.py from script/pages/problems.toml and what the checks say of its examples. -->

What `procession check`, `up`, `update` and Django's `manage.py check` say about a declaration. All problems are shown
at once. One with an **E** is an error: nothing is started or changed, and what runs already goes on. One with a **W**
is a warning. The ids are stable; in a script, take them from `procession check --json`.

A problem is printed in two lines: where and what; then where it was written, and what to do.
"""
LANGUAGES = {".py": "python", ".toml": "toml"}


def problems_page() -> str:
    """The whole page, in Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        sections = [_section(id, mistake, Path(folder) / id / "mysite") for id, mistake in MISTAKES.items()]
    return "\n\n".join([HEAD.strip(), *sections]) + "\n"


def _section(id: str, mistake: Mapping[str, Any], folder: Path) -> str:
    said = mistake["shown"].strip() if "shown" in mistake else "\n".join(_said(id, mistake, folder))
    heading = f"## {id} {mistake['title']} {{ #{id.lower()} }}"
    return "\n\n".join([heading, mistake["means"], *_example(mistake), f"```text\n{said}\n```"])


def _example(mistake: Mapping[str, Any]) -> Iterator[str]:
    """What was written: the settings, and the file that they lead to."""
    if "settings" in mistake:
        yield f"```python\n{mistake['settings'].strip()}\n```"
    name = mistake.get("show_file") or (next(iter(mistake["files"])) if "settings" not in mistake else "")
    if name:
        yield f'```{LANGUAGES.get(Path(name).suffix, "text")} title="{name}"\n{mistake["files"][name].strip()}\n```'


def _said(id: str, mistake: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """The lines that are printed about the problems with this id. Raises ValueError if there is none."""
    found = [problem for problem in _find(mistake, folder) if problem.id == id]
    if not found:
        raise ValueError(f"the example of {id} has no such problem")
    for problem in found:
        head, *rest = _moved(problem, folder).lines()
        yield from (f"{'error' if problem.is_error else 'warning'}: {head}", *rest)


def _moved(problem: Problem, folder: Path) -> Problem:
    """As it would be said of a site in SITE. Before it is laid out in columns, which depend on the lengths."""

    def moved(text: str) -> str:
        return text.replace(str(folder), SITE).replace(sys.executable, f"{SITE}/.venv/bin/python")

    what, origin, fix = moved(problem.what), moved(problem.origin), moved(problem.fix)
    return replace(problem, what=what, origin=origin, fix=fix, detail=tuple(map(moved, problem.detail)))


def _find(mistake: Mapping[str, Any], folder: Path) -> list[Problem]:
    """All that is said about an example, tried in `folder`."""
    files: Mapping[str, str] = mistake.get("files", {})
    settings = {"mysite/settings.py": mistake["settings"]} if "settings" in mistake else {}
    for name, text in {**settings, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    if "manage.py" in files:
        return _described(folder)
    application = "mysite.wsgi:application" if mistake.get("has_application", True) else ""
    site = Site(
        directory=str(folder), python=sys.executable, settings_module="mysite.settings", wsgi=application,
        installed_apps=("procession",),
    )  # fmt: skip
    stack, problems = load(_declared(mistake, folder), site)
    if stack is None or "engine" not in mistake:
        return problems
    return _of_engine(mistake["engine"], stack)


def _of_engine(name: str, stack: Stack) -> list[Problem]:
    """What `render --engine NAME` says."""
    tool = engine(name)
    options, problems = read_options(tool, stack)
    return problems if options is None else [*problems, *tool.render(stack, options).problems]


def _declared(mistake: Mapping[str, Any], folder: Path) -> Declared:
    if "settings" not in mistake:
        path = folder / next(iter(mistake["files"]))
        return read_toml(str(path)) if path.suffix == ".toml" else read_procfile(str(path), {})
    said: dict[str, object] = {}
    exec(mistake["settings"], said)
    return read_settings(said["PRODUCTION_PROCESSES"], said.get("PRODUCTION_STACK"), "mysite.settings")


def _described(folder: Path) -> list[Problem]:
    """As the child says that reads a Django site."""
    child = subprocess.run(
        [sys.executable, "-m", "procession.django.describe"],
        cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False,
    )  # fmt: skip
    return [from_data(Problem, problem) for problem in json.loads(child.stdout)["problems"]]
