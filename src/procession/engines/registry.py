"""Which engines there are. Each is a module here that holds ENGINE; only the one that is asked for is imported."""

from __future__ import annotations

import importlib
from typing import cast

from procession.engines.base import Engine
from procession.refusal import ExitCode, Refusal

EMBEDDED = "embedded"  # Procession's own supervisor: `procession up`, no files, no engine
MODULES = ("systemd", "supervisord", "compose", "swarm", "kubernetes", "procfile", "nginx", "caddy")  # modules here


def engine(name: str) -> Engine:
    """Raises Refusal for a name that is none."""
    if name not in MODULES:
        known = ", ".join([EMBEDDED, *MODULES])
        raise Refusal(f"there is no engine {name!r}", f"engines: {known}", code=ExitCode.USAGE)
    module = importlib.import_module(f"procession.engines.{name}")
    return cast(Engine, module.ENGINE)
