"""A project with the command line, or a supervisor with programs of its own; and the proof that nothing is left."""

from __future__ import annotations

from tests.console.conftest import project
from tests.supervisor.conftest import site, stage

__all__ = ["project", "site", "stage"]
