"""A project of the command line's tests, and the site that runs tasks on servers of our own."""

from __future__ import annotations

from tests.backends.workers.conftest import make_runner, postgres, redis
from tests.console.conftest import project

__all__ = ["make_runner", "postgres", "project", "redis"]
