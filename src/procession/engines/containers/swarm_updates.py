"""Waiting for what Swarm was asked to do. It answers at once, and does it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from procession.engines.base import Asked
from procession.engines.containers.docker import well
from procession.engines.containers.tasks_seen import read_tasks
from procession.engines.steps import Await, Command, Steps
from procession.refusal import ExitCode, Refusal
from procession.run import Done

CONVERGE_SECONDS: Final = 600.0
SETTLED_LOOKS: Final = 2  # in a row: Swarm begins an update a moment after it was asked for
LOG_LINES: Final = 20  # of what failed
TASKS_FORMAT: Final = "{{json .}}"
UPDATE_FORMAT: Final = "{{.Spec.Name}} {{with .UpdateStatus}}{{.State}}: {{.Message}}{{end}}"
REPLICAS_FORMAT: Final = "{{.Name}} {{.Replicas}}"
UNDER_WAY: Final = ("updating", "rollback_started")
TAKEN_BACK: Final = ("rollback", "paused")


def service(asked: Asked, name: str) -> str:
    """Swarm's name of the service of a process."""
    return f"{asked.stack.name}_{name}"


def tasks_command(asked: Asked, name: str) -> Command:
    argv = ("docker", "service", "ps", "--no-trunc", "--format", TASKS_FORMAT, service(asked, name))
    return Command(argv=argv, looks=True)


def settled(asked: Asked, names: Iterable[str]) -> Steps[None]:
    """No update of these is under way, and each has the instances that it wants.

    Raises Refusal if an update was taken back, or if it takes too long.
    """
    wanted = list(names)
    said = ", ".join(wanted)
    yield from _await(_updates_command(asked, wanted), _no_update_is_under_way, f"the updates of {said} are over")
    yield from not_taken_back(asked, wanted)
    argv = ("docker", "stack", "services", "--format", REPLICAS_FORMAT, asked.stack.name)
    services = frozenset(service(asked, name) for name in wanted)
    yield from _await(
        Command(argv=argv, looks=True), lambda done: _are_whole(done, services), f"all instances of {said} are there"
    )


def _updates_command(asked: Asked, names: Iterable[str]) -> Command:
    services = (service(asked, name) for name in names)
    return Command(argv=("docker", "service", "inspect", "--format", UPDATE_FORMAT, *services), looks=True)


def _await(look: Command, holds: Callable[[Done], bool], what: str) -> Steps[None]:
    looks = 0

    def holds_still(done: Done) -> bool:
        nonlocal looks
        looks = looks + 1 if holds(done) else 0
        return looks >= SETTLED_LOOKS

    done = yield Await(
        look=look, holds=holds_still, within_seconds=CONVERGE_SECONDS, what=what, every_seconds=0.5
    )  # fmt: skip
    if not done.is_well:
        seen = "; ".join(done.stdout.split("\n")).strip("; ") or done.last_words()
        raise Refusal(
            f"waited for {CONVERGE_SECONDS:g} s until {what}: {seen}", "procession status", code=ExitCode.TIMED_OUT
        )


def _no_update_is_under_way(done: Done) -> bool:
    """Of lines such as `site_web updating: update in progress`; the name alone where there never was an update."""
    return done.is_well and not any(state.startswith(UNDER_WAY) for state in _by_service(done).values())


def _are_whole(done: Done, services: frozenset[str]) -> bool:
    """Of lines such as `site_web 2/2`."""
    there = {name: replicas for name, replicas in _by_service(done).items() if name in services}
    return done.is_well and len(there) == len(services) and all(_is_whole(one) for one in there.values())


def _by_service(done: Done) -> dict[str, str]:
    pairs = (line.partition(" ") for line in done.stdout.splitlines())
    return {name: said for name, _, said in pairs}


def _is_whole(replicas: str) -> bool:
    there, _, wanted = replicas.partition(" ")[0].partition("/")
    return there == wanted


def not_taken_back(asked: Asked, names: Iterable[str]) -> Steps[None]:
    """Raises Refusal, with why and the last words, if Swarm rolled the last update of one back, or left it halfway."""
    done = yield from well(_updates_command(asked, names), "cannot look at the services")
    for whole, said in _by_service(done).items():
        if said.startswith(TAKEN_BACK):
            name = whole.removeprefix(service(asked, ""))
            what = f"the new {name} did not become ready, the old ones serve on ({said})"
            yield from refuse(asked, name, what)


def refuse(asked: Asked, name: str, what: str) -> Steps[None]:
    """Raises Refusal: `what`, and of the newest instance that failed its error and its last lines."""
    done = yield tasks_command(asked, name)
    failed = [task for task in read_tasks(done.stdout if done.is_well else "") if task.error]
    lines = [what]
    if failed:
        argv = ("docker", "service", "logs", "--raw", "--tail", str(LOG_LINES), failed[0].id)
        said = yield Command(argv=argv, looks=True)
        lines += [f"{failed[0].name}: {failed[0].error}", *said.stdout.splitlines(), *said.stderr.splitlines()]
    raise Refusal("\n    ".join(lines), f"procession logs {name}", code=ExitCode.NOT_SO)
