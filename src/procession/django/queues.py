"""`python -m procession.django.queues QUESTIONS`: how many tasks wait, as the site's own Python sees it.

QUESTIONS is JSON: `[["celery-worker", ["python", "-m", "celery", ...]], ...]`, the backend and the argv of each process
that takes tasks. Each task runner among them is answered with one line of JSON on stdout, as soon as it is known:

    {"runner": "celery", "trouble": "", "counts": [["celery", "waiting", "3", 17], ["", "reserved", "", 4]]}

A count is queue, state, priority, number. Queue or priority is "" where the runner does not tell them apart. Nothing is
taken, declared or cleaned up on the way.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from procession.backends.registry import find
from procession.django.counters import COUNTERS, Argvs

MANAGE = "manage.py"
OURS = ("PROCESSION_", "PROMETHEUS_MULTIPROC_DIR")  # of whoever asks: we are no instance, and count nothing ourselves


def main(questions: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Print the answers. What the site prints meanwhile goes to stderr."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    answer = os.dup(1)
    os.dup2(2, 1)
    with open(answer, "w", encoding="utf-8") as out:
        _set_up()
        for runner, argvs in by_runner(questions).items():
            _answer(runner, argvs, out)
    sys.stderr.flush()
    os._exit(0)  # a client's thread that hangs must not keep us


def by_runner(questions: Sequence[tuple[str, Sequence[str]]]) -> Mapping[str, Argvs]:
    """The argvs of the processes of each task runner."""
    found: dict[str, list[Sequence[str]]] = {}
    for name, argv in questions:
        backend = find(name)
        if backend is not None and backend.queues:
            found.setdefault(backend.queues, []).append(argv)
    return found


def _set_up() -> None:
    sys.path.insert(0, os.getcwd())
    if os.path.exists(MANAGE) or "DJANGO_SETTINGS_MODULE" in os.environ:
        from procession.django.examine import set_up  # here, because Celery needs no Django

        set_up()


def _answer(runner: str, argvs: Argvs, out: TextIO) -> None:
    trouble = ""
    counts: list[object] = []
    try:
        counts = [list(count) for count in COUNTERS[runner](argvs)]
    except Exception as error:  # noqa: BLE001 - other people's clients, and the site's own code
        trouble = f"{type(error).__name__}: {error}"
    out.write(json.dumps({"runner": runner, "trouble": trouble, "counts": counts}) + "\n")
    out.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
