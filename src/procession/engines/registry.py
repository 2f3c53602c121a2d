"""Which engines there are. Each is a module here that holds ENGINE; only the one that is asked for is imported."""

from __future__ import annotations

import importlib

from procession.refusal import ExitCode, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.engines.base import Engine

EMBEDDED = "embedded"  # Procession's own supervisor: `procession up`, no files, no engine
# Each is a module here, of that name.
MODULES = ("systemd", "supervisord", "compose", "swarm", "kubernetes", "procfile", "nginx", "caddy")
NAMES = (EMBEDDED, *MODULES)


def engine(name: str) -> Engine:
    """Raises Refusal for a name that is none."""
    if name not in MODULES:
        from procession.stack.values import suggestion  # here, because the help texts import this file for its names

        if name == EMBEDDED:
            fix = "leave --engine out: its stack is what `procession render` prints, and `procession up` starts it"
            raise Refusal("Procession's own supervisor needs no files", fix, code=ExitCode.USAGE)
        near = suggestion(name, NAMES)
        fix = f"{near} They are: {', '.join(NAMES)}" if near else f"they are: {', '.join(NAMES)}"
        raise Refusal(f"there is no engine {name!r}", fix, code=ExitCode.USAGE)
    module = importlib.import_module(f"procession.engines.{name}")
    found: Engine = module.ENGINE
    return found
