"""Caddy in front of the site: one file for its Caddyfile to import. It is written and checked; others run it."""

from __future__ import annotations

import os

from procession.engines.base import Asked, Engine, Rendering
from procession.engines.front import caddyfile
from procession.engines.fronts.engine import VERBS, look_at, program, refuse, tell
from procession.engines.fronts.options import FrontOptions, directory
from procession.engines.fronts.site import render as render_front
from procession.engines.steps import Command, Steps
from procession.engines.text.fronts import caddy_value
from procession.stack.model import Stack

DRIVEN_BY = "systemctl reload caddy, or caddy reload"


def render(stack: Stack, options: FrontOptions) -> Rendering:
    return render_front(stack, options, path=_file(stack), text=caddyfile)


def check(asked: Asked) -> Steps[None]:
    """`caddy validate`, which is to leave nothing in anybody's home. Raises Refusal."""
    path = os.path.join(asked.directory, _file(asked.stack))
    argv = (program("caddy"), "validate", "--adapter", "caddyfile", "--config", path)
    homes = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME"), asked.directory)
    yield from look_at(Command(argv=argv, looks=True, environment=homes), asked, marks=("Error:",))


def apply(asked: Asked) -> Steps[None]:
    path = caddy_value(os.path.join(asked.directory, _file(asked.stack)))
    yield from tell(asked, f"Caddy takes it in with `import {path}` in its Caddyfile, and then: {DRIVEN_BY}")


def _file(stack: Stack) -> str:
    return f"{stack.name}.caddy"


ENGINE = Engine(
    name="caddy",
    title="Caddy",
    options=FrontOptions,
    runs=False,
    render=render,
    directory=lambda stack, options: directory(stack, options, "caddy"),
    check=check,
    apply=apply,
    status=refuse,
    verbs={},
    cannot=dict.fromkeys(VERBS, DRIVEN_BY),
)
