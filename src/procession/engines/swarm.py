"""Docker Swarm: the stack on several machines, driven by `docker stack` and `docker service`."""

from __future__ import annotations

import os

from procession.engines.base import Engine, Rendering
from procession.engines.containers import fronting, swarm_apply, swarm_verbs, swarmed
from procession.engines.containers.docker import DAEMON, MANAGER
from procession.engines.containers.options import ContainerOptions
from procession.stack.model import Stack

FOLDER = "deploy/swarm"


def render(stack: Stack, options: ContainerOptions) -> Rendering:
    return swarmed.render(stack, options, directory(stack, options))


def directory(stack: Stack, options: ContainerOptions) -> str:
    return os.path.join(stack.directory, options.directory or FOLDER)


ENGINE = Engine(
    name="swarm",
    title="Docker Swarm",
    options=ContainerOptions,
    render=render,
    directory=directory,
    check=swarm_apply.check,
    apply=swarm_apply.apply,
    status=swarm_verbs.status,
    verbs=swarm_verbs.VERBS,
    needs=(DAEMON, MANAGER),
    takes=swarm_verbs.TAKES,
    beside=fronting.beside,
)
