"""Asking all questions at once, each in a thread and within a time; an answer is good for a moment.

However many ask us, there is one round at a time; and a question that hangs is not asked a second time beside it, so
that a database which swallows connections cannot fill us with threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock, Thread
from time import monotonic

from procession.django.health.checks import Check, NotSo
from procession.stack.hidden import hide_in_text

TROUBLE_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """`trouble` is "" if it is well."""

    name: str
    trouble: str
    seconds: float

    @property
    def is_well(self) -> bool:
        return not self.trouble


class Rounds:
    """`answers` asks, unless the last answers are younger than `fresh_seconds`."""

    __slots__ = ("_answers", "_at", "_fresh_seconds", "_lock", "_questions", "_timeout_seconds", "_under_way")

    def __init__(self, questions: Mapping[str, Check], *, timeout_seconds: float, fresh_seconds: float) -> None:
        self._questions = questions
        self._timeout_seconds = timeout_seconds
        self._fresh_seconds = fresh_seconds
        self._lock = Lock()
        self._at = float("-inf")
        self._answers: tuple[Answer, ...] = ()
        self._under_way: dict[str, _Asking] = {}

    def answers(self) -> tuple[Answer, ...]:
        """One for each question, in their order. Takes `timeout_seconds` at most; who comes meanwhile waits."""
        with self._lock:
            if monotonic() - self._at >= self._fresh_seconds:
                self._answers = self._ask()
                self._at = monotonic()
            return self._answers

    def _ask(self) -> tuple[Answer, ...]:
        for name, check in self._questions.items():
            if name not in self._under_way:
                self._under_way[name] = _Asking(name, check)
        deadline = monotonic() + self._timeout_seconds
        answers = tuple(self._under_way[name].wait(deadline - monotonic()) for name in self._questions)
        self._under_way = {name: one for name, one in self._under_way.items() if one.answer is None}
        return answers


class _Asking:
    """One question under way. A daemon thread: one that hangs does not keep the server from ending."""

    __slots__ = ("_began", "_check", "_name", "_thread", "answer")

    def __init__(self, name: str, check: Check) -> None:
        self._name = name
        self._check = check
        self._began = monotonic()
        self.answer: Answer | None = None
        self._thread = Thread(target=self._run, name=f"health {name}", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> Answer:
        self._thread.join(max(0.0, seconds))
        passed = monotonic() - self._began
        return self.answer or Answer(self._name, f"no answer within {passed:.1f} s", passed)

    def _run(self) -> None:
        trouble = ""
        try:
            self._check()
        except Exception as error:  # noqa: BLE001 - drivers, clients and the site's own checks raise what they like
            trouble = describe(error)
        self.answer = Answer(self._name, trouble, monotonic() - self._began)


def describe(error: Exception) -> str:
    """In one line, with its passwords hidden: what is wrong, and of which kind where that is not ours to know."""
    text = hide_in_text(" ".join(str(error).split()))[:TROUBLE_LENGTH_MAX]
    return text if isinstance(error, NotSo) else f"{type(error).__name__}: {text}" if text else type(error).__name__
