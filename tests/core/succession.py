"""The supervisor is killed, and the next one begins with what was written down and what lives; see `linux.begin`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from procession.stack.model import ProbeType
from procession.supervisor.core import events as on
from procession.supervisor.core.memory import recall, remember

if TYPE_CHECKING:
    from tests.core.simulator import Life, World


def succeed(world: World) -> None:
    """News on their way are lost, and so are the clients. Nothing of what lives is started again, or forgotten."""
    before = world.model
    world.inbox.clear()
    world.watched.clear()
    world.unanswered.clear()
    model = recall(before.stack, json.loads(json.dumps(remember(before))))
    world.model = replace(model, lives=max([model.lives, *(number for _, number in world.lives)]))
    world.audience.move_on(world.model, world.now)
    world.listening = {one.name: len(one.listeners) if one.handoff else 0 for one in before.stack.processes}
    was_ready = {i.life for i in before.instances.values() if i.ready_at is not None}
    for news in _survey(world, was_ready):
        world.decide(news)
    world.tell(on.Resume())


def _survey(world: World, was_ready: set[int]) -> list[on.Adopted]:
    """What is adopted. What is declared no more, and what a dead main process has left, is ended without the core."""
    present = sorted((life for life in world.lives.values() if not life.is_gone), key=lambda life: life.number)
    for life in present:
        if not life.is_main_alive or life.name not in world.model.instances:
            life.is_main_alive, life.has_rest, life.is_gone = False, False, True
    living = [life for life in present if not life.is_gone]
    newest = {life.name: life.number for life in living}
    for life in living:  # what it is asked from now on is what is declared now
        process = world.model.instances[life.name].process
        life.asks_startup, life.probe = process.startup is not None, process.readiness.type
    return [_adopted(life, was_ready=life.number in was_ready, newest=newest[life.name]) for life in living]


def _adopted(life: Life, *, was_ready: bool, newest: int) -> on.Adopted:
    was_ready = was_ready or life.probe is ProbeType.NONE
    life.has_started, life.is_hung = was_ready, False
    pid, is_outgoing = 1000 + life.number, life.number < newest
    return on.Adopted(life.name, life.number, pid, was_ready, age_seconds=1.0, outgoing=is_outgoing)
