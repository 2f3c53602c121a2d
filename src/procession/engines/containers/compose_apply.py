"""`apply`: Compose would stop everything that changed, and only then run the release task.

So this is done one by one: tasks first, beside the old ones, which go on if a task fails; then each process, those that
can be two at once without a gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from procession.engines.base import Asked
from procession.engines.containers.compose_ready import await_ready, run_task
from procession.engines.containers.compose_roll import can_be_two, roll_process
from procession.engines.containers.composed import image_in
from procession.engines.containers.docker import compose, containers, well
from procession.engines.containers.fronting import NAME as FRONT
from procession.engines.containers.options import Form
from procession.engines.containers.seen import Seen
from procession.engines.steps import Command, Steps
from procession.stack.model import Kind, Process, Stack

UP: Final = ("up", "--detach", "--no-deps")


def apply(asked: Asked) -> Steps[None]:
    if asked.options.image.build:
        yield from well(compose(asked, "build"), "the image could not be built")
    there = yield from containers(asked)
    if asked.options.form is Form.ONE or not there:
        yield from well(compose(asked, "up", "--detach", "--remove-orphans"), "the stack did not come up")
    else:
        yield from _renew(asked, there)
    there = yield from containers(asked)
    for service in dict.fromkeys(one.service for one in there):
        process = asked.stack.process(service)
        if process is None or process.kind is Kind.PROCESS:
            yield from await_ready(asked, [one for one in there if one.service == service])


def _renew(asked: Asked, there: Sequence[Seen]) -> Steps[None]:
    """Stores, tasks, processes, the front; then what is no longer wanted goes.

    The front has the static files of its release: it stays what it is until all else is of the new one.
    """
    hashes = yield from _hashes(asked)
    others = [name for name in hashes if asked.stack.process(name) is None]
    yield from _renew_others(asked, [name for name in others if name != FRONT])
    look = Command(argv=("docker", "image", "inspect", "--format", "{{.Id}}", image_in(asked)), looks=True)
    image = (yield look).stdout.strip()
    for process in tasks_first(asked.stack):
        mine = [one for one in there if one.service == process.name]
        is_same = all((one.hash, one.image) == (hashes.get(one.service), image) for one in mine)
        yield from _renew_process(asked, process, mine, is_same=is_same)
    yield from _renew_others(asked, [name for name in others if name == FRONT])
    yield from _remove([one for one in there if hashes and one.service not in hashes])


def _renew_others(asked: Asked, names: Sequence[str]) -> Steps[None]:
    if names:
        yield from well(compose(asked, *UP, *names), f"cannot renew {', '.join(names)}")
        yield from await_ready(asked, [one for one in (yield from containers(asked)) if one.service in names])


def _renew_process(asked: Asked, process: Process, mine: Sequence[Seen], *, is_same: bool) -> Steps[None]:
    if process.kind is Kind.TASK:
        yield from well(compose(asked, *UP, "--force-recreate", process.name), f"cannot start {process.name}")
        yield from run_task(asked, [one for one in (yield from containers(asked)) if one.service == process.name])
        return
    if mine and not is_same and can_be_two(asked, process):
        yield from roll_process(asked, process)
        yield from well(compose(asked, *UP, "--no-recreate", process.name), f"cannot scale {process.name}")
    else:
        yield from well(compose(asked, *UP, process.name), f"cannot renew {process.name}")


def tasks_first(stack: Stack) -> list[Process]:
    """In start order, but what depends on no process comes before all that do, and before the processes."""
    early: set[str] = set()
    for process in stack.processes:
        if process.kind is Kind.TASK and all(one.name in early for one in process.depends_on):
            early.add(process.name)
    return sorted(stack.processes, key=lambda one: one.name not in early)


def _hashes(asked: Asked) -> Steps[Mapping[str, str]]:
    """Each service of the file, and the hash that its containers carry if they are what the file says."""
    done = yield compose(asked, "config", "--hash", "*", looks=True)
    pairs = (line.split() for line in done.stdout.splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _remove(gone: Sequence[Seen]) -> Steps[None]:
    for one in gone:
        yield from well(Command(argv=("docker", "stop", one.container)), f"cannot stop {one.container}")
        yield from well(Command(argv=("docker", "rm", one.container)), f"cannot remove {one.container}")
