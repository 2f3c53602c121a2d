"""Gathers what the doctor knows before he looks at anything: declaration, state, events, last lines, the site's report.

Nothing here may fail: what cannot be had is left out of the Case, or is said in it.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping

from procession.console import declared, project, text, views
from procession.console.engine_views import other_engine
from procession.console.run import Place, common_place, place
from procession.console.site_child import applied_stack, run_in, see_as
from procession.control import wire
from procession.control.client import Client
from procession.doctor.case import Case
from procession.doctor.imports import Package, packages
from procession.doctor.site import asked_hosts
from procession.errors import Problem
from procession.recorder.reading.history import Event, Wanted, read_events
from procession.recorder.reading.logs import Wanted as WantedLines
from procession.recorder.reading.logs import read_logs
from procession.recorder.reading.parts import log_paths, parts_of
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Stack

EVENTS_MAX = 2000
LINES_MAX = 200
REPORT_SECONDS = 30.0  # for a site to load and to be asked; it is said if that was not enough
STATUS_SECONDS = 5.0
STDERR_LINES = 3


def take_history(options: argparse.Namespace) -> Case:
    """All that is known. Raises Refusal for a name that is none."""
    status, refusal = _status(options.stack_directory)
    engine = ""
    if status is not None:
        see_as(status["supervisor"]["pid"])
        views.chosen(status, options.names)
    elif project.has_engine(options):
        engine, status, refusal = other_engine(options)
    is_development = os.path.basename(options.stack_directory) == project.DEVELOPMENT
    loaded, problems = (None, ()) if is_development else _declaration(options)  # `dev` has adapted what it found
    stack = loaded or applied_stack(options.stack_directory)
    names = tuple(name.partition(".")[0] for name in options.names)
    _check_names(names, stack)
    events = _events(options.stack_directory)
    report, trouble = ({}, "") if stack is None or not options.site else _report(stack, names)
    return Case(
        directory=options.directory,
        stack_directory=options.stack_directory,
        python=sys.executable,
        names=names,
        stack=stack,
        problems=problems,
        status=status,
        refusal=refusal,
        engine=engine,
        events=tuple(events),
        lines=_lines(options.stack_directory, events),
        report=report,
        report_trouble=trouble,
    )


def _status(stack_directory: str) -> tuple[wire.Message | None, str]:
    try:
        with Client(stack_directory) as client:
            return client.call("status", timeout_seconds=STATUS_SECONDS).data, ""
    except Refusal as refusal:
        return None, refusal.what


def _declaration(options: argparse.Namespace) -> tuple[Stack | None, tuple[Problem, ...]]:
    try:
        loaded = declared.load(options)
    except Refusal as refusal:
        last = refusal.fix.strip().splitlines()
        problem = Problem("E030", "site", "does not import: " + (last[-1].strip() if last else refusal.what))
        return None, (problem,)
    return (loaded.stack() if loaded.data is not None else None), loaded.problems


def _check_names(names: tuple[str, ...], stack: Stack | None) -> None:
    """Raises Refusal for a process that is not declared, where it is known what is."""
    known = [process.name for process in stack.processes] if stack is not None else list(names)
    for name in names:
        if name not in known:
            close = text.suggestion(name, known) or f"; there are: {', '.join(known)}"
            raise Refusal(f"there is no process {name!r}{close}", code=ExitCode.USAGE)


def _events(stack_directory: str) -> list[Event]:
    try:
        return read_events(stack_directory, Wanted(last=EVENTS_MAX))
    except (OSError, sqlite3.Error):
        return []


def _lines(stack_directory: str, events: list[Event]) -> Mapping[str, tuple[str, ...]]:
    """The last lines of each instance, of its last two lives: older ones may be about what has been mended."""
    found = {}
    try:
        for instance, path in log_paths(stack_directory).items():
            starts = [event.at for event in events if event.instance == instance and event.kind == "starting"]
            since = _stamp(starts[-2:][0]) if starts else ""
            records = read_logs({instance: parts_of(path)}, WantedLines(last=LINES_MAX))
            found[instance] = tuple(record.text for record in records if record.time >= since)
    except OSError:
        pass  # another user's: that is found by looking at the stack directory
    return found


def _stamp(at: float) -> str:
    from datetime import UTC, datetime

    from procession.console.moments import as_stamp

    return as_stamp(datetime.fromtimestamp(at, UTC))


def _report(stack: Stack, names: tuple[str, ...]) -> tuple[Mapping[str, object], str]:
    """What the site's Python says, run as the process would be that was asked about; why it says nothing."""
    if not os.path.exists(os.path.join(stack.directory, "manage.py")):
        return {}, ""  # no Django, so there is nothing that we could ask
    hosts = {host for process in stack.processes for _, host in asked_hosts(process)}
    argv = [sys.executable, "-m", "procession.django.examine", *sorted(hosts)]
    try:
        said = run_in(_place(stack, names), argv, timeout_seconds=REPORT_SECONDS)
    except subprocess.TimeoutExpired:
        return {}, f"the site did not load within {REPORT_SECONDS:g} s: does an import of it wait for something?"
    except Refusal as refusal:
        return {}, refusal.what
    except OSError as error:
        return {}, f"cannot run the site's Python as its user: {error}"
    try:
        report: Mapping[str, object] = json.loads(said.stdout)
    except ValueError:
        last = said.stderr.decode(errors="replace").strip().splitlines()[-STDERR_LINES:]
        return {}, f"the site's Python ended with {said.returncode} while it loaded the site: {' / '.join(last)}"
    return report, ""


def time_imports(stack: Stack, names: tuple[str, ...]) -> list[Package]:
    """What each package takes while the site loads as a web server's worker loads it. Raises Refusal."""
    argv = [sys.executable, "-X", "importtime", "-c", "from procession.django.examine import load; load()"]
    try:
        said = run_in(_place(stack, names), argv, timeout_seconds=REPORT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refusal(f"cannot load the site: {error}") from error
    lines = said.stderr.decode(errors="replace").splitlines()
    if said.returncode:
        raise Refusal(f"the site does not load: {lines[-1] if lines else said.returncode}", "see: procession doctor")
    return packages(lines)


def _place(stack: Stack, names: tuple[str, ...]) -> Place:
    """The environment of the process that was asked about; else that of one which listens, since most need the most."""
    listening = [process.name for process in stack.processes if process.listeners]
    like = next(iter((*(name for name in names if stack.process(name)), *listening)), "")
    return place(stack, like) if like else common_place(stack)
