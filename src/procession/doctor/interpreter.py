"""The programs that are to be started, and the virtual environment that each is in: there, and whole."""

from __future__ import annotations

import os
from collections.abc import Iterator

from procession.doctor.case import Case
from procession.doctor.finding import Finding, Weight
from procession.stack.model import Process

CONFIGURATION = "pyvenv.cfg"
SHEBANG_BYTES_MAX = 256


def examine_interpreter(case: Case) -> Iterator[Finding]:
    """Each program once, whoever runs it."""
    whose: dict[str, list[str]] = {}
    for process in case.processes():
        for program in _programs(process):
            whose.setdefault(program, []).append(process.name)
    for program, names in whose.items():
        found = trouble_of(program)
        if found is not None:
            what, fix = found
            yield Finding(
                weight=Weight.CAUSE, about=_about(program), what=f"{', '.join(names)}: {what}", fix=fix,
                seen=(f"it is to run {program}",),
            )  # fmt: skip


def _programs(process: Process) -> Iterator[str]:
    if process.argv and os.path.isabs(process.argv[0]):
        yield process.argv[0]


def _about(program: str) -> str:
    return f"environment {_environment(program) or program}"


def trouble_of(program: str) -> tuple[str, str] | None:
    """What is wrong with it, and what to do."""
    environment = _environment(program)
    if environment and not os.path.isdir(environment):
        return f"the virtual environment {environment} is not there", _make_anew(environment)
    if environment and not os.path.exists(os.path.join(environment, CONFIGURATION)):
        return f"{environment} is no whole virtual environment: it has no {CONFIGURATION}", _make_anew(environment)
    if os.path.islink(program) and not os.path.exists(program):
        target = os.path.join(os.path.dirname(program), os.readlink(program))
        return f"{program} leads to {target}, which is not there (was Python upgraded?)", _make_anew(environment)
    if not os.path.exists(program):
        return None if not os.access(os.path.dirname(program), os.X_OK) else (
            f"there is no such program: {program}", "install it, or correct the path"
        )  # fmt: skip
    missing = _missing_interpreter(program)
    if missing:
        return f"{program} is to be run by {missing}, which is not there (was it moved?)", _make_anew(environment)
    return None


def _make_anew(environment: str) -> str:
    return f"make it anew: python3 -m venv --clear {environment or 'PATH'}, and install the site's requirements into it"


def _environment(program: str) -> str:
    """The virtual environment that a program lies in: the folder above bin/, where it looks like one; else ""."""
    folder, name = os.path.split(os.path.dirname(program))
    looks_so = name == "bin" and (
        os.path.exists(os.path.join(folder, CONFIGURATION)) or "venv" in os.path.basename(folder)
    )
    return folder if looks_so else ""


def _missing_interpreter(program: str) -> str:
    """The interpreter of its first line, where that is not there."""
    try:
        with open(program, "rb") as file:
            head = file.read(SHEBANG_BYTES_MAX)
    except OSError:
        return ""
    words = head.split(b"\n", 1)[0][2:].split() if head.startswith(b"#!") else []
    interpreter = os.fsdecode(words[0]) if words else ""
    return interpreter if interpreter and not os.path.exists(interpreter) else ""
