"""supervisord: one instance of it for the site, under the site's own user."""

from __future__ import annotations

from procession.engines.base import Engine
from procession.engines.supervisord.check import check
from procession.engines.supervisord.options import Options, directory
from procession.engines.supervisord.render import render
from procession.engines.supervisord.status import status
from procession.engines.supervisord.verbs import VERBS, apply

ENGINE = Engine(
    name="supervisord",
    title="supervisord",
    options=Options,
    render=render,
    directory=directory,
    check=check,
    apply=apply,
    status=status,
    verbs=VERBS,
)
