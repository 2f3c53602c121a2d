"""Compiled code that is of an older source than it seems to be."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import cache_from_source


def forget(paths: Iterable[str]) -> None:
    """Delete what these sources were compiled to, by this Python, which is the site's.

    Python takes a .pyc whose source has its size and its time of change, in whole seconds: of two changes within one
    second, as an editor and a formatter make them, it may go on with the first (PEP 552).
    """
    for path in paths:
        if path.endswith(".py"):
            with suppress(OSError):  # none was written, or it is not ours
                os.unlink(cache_from_source(path))
