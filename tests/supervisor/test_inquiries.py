"""Questions that block: the loop goes on, and what asks them can be got rid of."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from procession.loop import Loop
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.inquiries import Inquiry
from tests.supervisor.programs import DEADLINE_SECONDS


class Stand:
    """A loop with children, turned by the test until something is so."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.children = Children(self.loop)
        self.answers: list[str] = []

    def ask(self, question: object) -> Inquiry:
        inquiry = Inquiry(self.loop, self.children, question, self.answers.append)  # type: ignore[arg-type]
        inquiry.begin()
        return inquiry

    def turn_until_over(self, inquiry: Inquiry) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not inquiry.is_over:
            assert time.monotonic() < deadline
            self.loop.wait(time.monotonic() + 0.01)
            self.children.reap()


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_the_answer_comes_through_the_loop(stand: Stand) -> None:
    inquiry = stand.ask(lambda: "forty-two")
    assert stand.answers == []
    stand.turn_until_over(inquiry)
    assert stand.answers == ["forty-two"]


def test_a_question_that_fails_has_no_answer(stand: Stand) -> None:
    inquiry = stand.ask(lambda: str(1 // 0))
    stand.turn_until_over(inquiry)
    assert stand.answers == [""]


def test_one_that_blocks_is_ended_and_says_nothing_more(stand: Stand) -> None:
    def block() -> str:
        signal.pause()
        return "never"

    inquiry = stand.ask(block)
    assert not inquiry.is_over
    inquiry.end()
    stand.turn_until_over(inquiry)
    assert stand.answers == []


def test_it_holds_no_file_of_ours(stand: Stand, tmp_path: Path) -> None:
    """A lock that it kept would keep the next supervisor out for as long as a dead disk is waited for."""
    held = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    inquiry = stand.ask(lambda: " ".join(sorted(os.listdir("/proc/self/fd"))))
    stand.turn_until_over(inquiry)
    os.close(held)
    assert stand.answers == ["0 1 2 3 4"]  # 3 is the answer's, 4 the listing's own
