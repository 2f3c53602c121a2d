"""Docker Compose: the stack on one machine, in containers, driven by `docker compose`."""

from __future__ import annotations

import os

from procession.engines.base import Engine, Rendering
from procession.engines.containers import compose_apply, compose_verbs, composed, fronting
from procession.engines.containers.docker import DAEMON, OWN_PROJECT, PLUGIN
from procession.engines.containers.options import ContainerOptions
from procession.stack.model import Stack

FOLDER = "deploy/compose"


def render(stack: Stack, options: ContainerOptions) -> Rendering:
    return composed.render(stack, options, directory(stack, options))


def directory(stack: Stack, options: ContainerOptions) -> str:
    return os.path.join(stack.directory, options.directory or FOLDER)


ENGINE = Engine(
    name="compose",
    title="Docker Compose",
    options=ContainerOptions,
    render=render,
    directory=directory,
    check=compose_verbs.check,
    apply=compose_apply.apply,
    status=compose_verbs.status,
    verbs=compose_verbs.VERBS,
    needs=(PLUGIN, DAEMON, OWN_PROJECT),
    takes=compose_verbs.TAKES,
    beside=fronting.beside,
)
