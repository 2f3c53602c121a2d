"""Waiting until containers are ready, or a task is done."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from procession.engines.base import Asked
from procession.engines.containers.docker import well
from procession.engines.containers.seen import Seen
from procession.engines.steps import Await, Command, News, Steps
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from procession.stack.model import Process

MARGIN_SECONDS: Final = 30.0
START_SECONDS: Final = 180.0
LAST_LINES: Final = 12


def await_ready(asked: Asked, seen: Sequence[Seen]) -> Steps[None]:
    """All of them. Raises Refusal, with the last lines of one that is not, if one dies, is ill, or takes too long."""
    if not seen:
        return  # A dry run starts none.
    process = asked.stack.process(seen[0].service)
    names = ", ".join(one.name for one in seen)
    done = yield Await(
        look=Command(argv=("docker", "inspect", *(one.container for one in seen)), looks=True),
        holds=is_decided,
        within_seconds=within_seconds(process),
        what=f"{names} {'is' if len(seen) == 1 else 'are'} ready",
    )
    words = list(_words(done))
    if done.stdout and len(words) < len(seen):  # One is gone, or the daemon; a dry run has asked nobody.
        raise Refusal(f"cannot see whether {names} became ready: {done.last_words()}", "procession status")
    bad = [one.name for one, word in zip(seen, words, strict=False) if word not in ("healthy", "running")]
    if bad:
        yield from say_last_lines(seen[[one.name for one in seen].index(bad[0])])
        raise Refusal(f"{', '.join(bad)} did not become ready", f"procession logs {bad[0]}", code=ExitCode.NOT_SO)


def within_seconds(process: Process | None) -> float:
    """How long until it must be ready. Docker asks only every few seconds, and starts slowly on a busy machine."""
    if process is None:  # A store, the front, or the whole site in one container.
        return START_SECONDS
    return (process.startup or process.readiness).within_seconds + MARGIN_SECONDS


def run_task(asked: Asked, seen: Sequence[Seen]) -> Steps[None]:
    """Wait until they, containers of one task, have ended. Raises Refusal for one that failed."""
    for one in seen:
        done = yield from well(Command(argv=("docker", "wait", one.container)), f"cannot wait for {one.name}")
        process = asked.stack.process(one.service)
        code = int(done.stdout.strip() or "0")
        if process is not None and code not in process.success:
            yield from say_last_lines(one)
            what = f"{one.service} failed: exit code {code}"
            raise Refusal(what, f"procession logs {one.service}", code=ExitCode.NOT_SO)
        yield News(f"{one.service}: done")


def say_last_lines(seen: Seen) -> Steps[None]:
    done = yield Command(argv=("docker", "logs", "--tail", str(LAST_LINES), seen.container), looks=True)
    for line in [*done.stdout.splitlines(), *done.stderr.splitlines()][-LAST_LINES:]:
        yield News(f"    {line}")


def is_decided(done: Done) -> bool:
    """Nothing is still starting."""
    return not done.is_well or all(word not in ("starting", "created") for word in _words(done))


def _words(done: Done) -> Iterator[str]:
    """Of each container: its health if it has a check and runs, else its state."""
    for inspected in json.loads(done.stdout or "[]"):
        state = inspected["State"]
        health = (state.get("Health") or {}).get("Status", state["Status"])
        yield str(health) if state["Status"] == "running" else str(state["Status"])
