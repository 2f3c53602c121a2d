"""Doing something of ours when what is being imported is there as a whole: wsgi.py may have lines below its last call.

Python has no hook for that. What it does have: `_initializing` of the module's spec, which importlib sets to False when
the import has ended, well or not (importlib._bootstrap._load_unlocked, Python 3.3 to 3.14). A module whose import has
failed is in sys.modules no more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import FrameType

INITIALIZING = "_initializing"


def after_import(then: Callable[[], object]) -> None:
    """Call `then` when the outermost import that we are in has gone well; now, if we are in none."""
    spec = _outermost_import(sys._getframe(1))
    if spec is None:
        then()
    else:
        spec.__class__ = _followed(then)


def _outermost_import(frame: FrameType | None) -> ModuleSpec | None:
    """The spec of a module whose own lines are being run, and have led to this frame."""
    found = None
    while frame is not None:
        spec = frame.f_globals.get("__spec__") if frame.f_code.co_name == "<module>" else None
        if type(spec) is ModuleSpec and getattr(spec, INITIALIZING, False):
            found = spec
        frame = frame.f_back
    return found


def _followed(then: Callable[[], object]) -> type[ModuleSpec]:
    """The class of a spec that hears of its own end, and is as any other afterwards."""

    class Followed(ModuleSpec):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == INITIALIZING and not value:
                self.__class__ = ModuleSpec  # type: ignore[assignment]  # the class that it had
                if self.name in sys.modules:
                    then()

    return Followed
