"""A project to look at, as the tests of the command have it."""

from __future__ import annotations

from tests.console.conftest import project

__all__ = ["project"]
