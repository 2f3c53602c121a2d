"""How many tasks wait: asked of the site's queues by a child in the site's Python, and kept for a while."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any

from procession.backends.registry import find
from procession.console import text
from procession.console.lines import harmless
from procession.console.run import Place, place
from procession.console.site_child import run_in
from procession.refusal import Refusal
from procession.stack.model import Process, Stack

FRESH_SECONDS = 30.0  # a child that loads the site takes a second or so of processor time
ANSWER_SECONDS_MAX = 8.0  # less than Prometheus waits for us (scrape_timeout, 10 s)


class QueueAnswers:
    """`read_stack` gives the stack whose task runners are asked about; None where that is not known."""

    def __init__(self, read_stack: Callable[[], Stack | None], fresh_seconds: float = FRESH_SECONDS) -> None:
        self._read_stack = read_stack
        self._fresh_seconds = fresh_seconds
        self._lock = Lock()
        self._asked_at: float | None = None
        self._answers: list[Any] = []
        self._troubles: set[str] = set()

    def fresh(self) -> list[Any]:
        """The answers of `procession.django.queues`, not older than that. Two who ask at once get the same."""
        with self._lock:
            if self._asked_at is None or monotonic() - self._asked_at > self._fresh_seconds:
                stack = self._read_stack()
                self._answers = _ask_all(stack) if stack is not None else []
                self._asked_at = monotonic()
                self._say_troubles()
            return self._answers

    def _say_troubles(self) -> None:
        """Each once, until it is over."""
        troubles = {f"{one['runner']}: {one['trouble']}" for one in self._answers if one["trouble"]}
        for trouble in sorted(troubles - self._troubles):
            text.say(f"the queues cannot be counted: {harmless(trouble, has_color=False)}")
        self._troubles = troubles


def _ask_all(stack: Stack) -> list[Any]:
    """Processes that see the same environment are asked about by one child."""
    groups: list[tuple[Place, list[Process]]] = []
    for process in stack.processes:
        if not _runner(process):
            continue
        where = _without_ours(place(stack, process.name))
        same = next((members for other, members in groups if other == where), None)
        if same is None:
            groups.append((where, [process]))
        else:
            same.append(process)
    return [answer for where, members in groups for answer in _ask(where, members)]


def _runner(process: Process) -> str:
    """The task runner whose tasks it takes; "" for what takes none."""
    backend = find(process.backend)
    return backend.queues if backend is not None else ""


def _without_ours(where: Place) -> Place:
    """What tells an instance who it is tells two of them apart, and must not make the child say that it is ready."""
    environment = {name: value for name, value in where.environment.items() if not name.startswith("PROCESSION_")}
    return Place(
        directory=where.directory,
        env_files=where.env_files,
        environment=environment,
        user=where.user,
        group=where.group,
    )


def _ask(where: Place, members: list[Process]) -> list[Any]:
    """A line of the child's is an answer; what it could not answer in time has a trouble."""
    questions = [[process.backend, list(process.argv)] for process in members]
    argv = [sys.executable, "-m", "procession.django.queues", json.dumps(questions)]
    trouble = "the site's Python gave no answer"
    try:
        ended = run_in(where, argv, timeout_seconds=ANSWER_SECONDS_MAX)
        said = ended.stdout
        trouble = (ended.stderr.decode(errors="replace").strip().splitlines() or [trouble])[-1]
    except subprocess.TimeoutExpired as error:
        said, trouble = error.stdout or b"", f"no answer within {ANSWER_SECONDS_MAX:g} s"
    except (OSError, Refusal) as error:
        said, trouble = b"", str(error)
    answers = [json.loads(line) for line in said.splitlines() if line.endswith(b"}")]
    missing = {_runner(process) for process in members} - {answer["runner"] for answer in answers}
    return answers + [{"runner": runner, "trouble": trouble, "counts": []} for runner in sorted(missing)]
