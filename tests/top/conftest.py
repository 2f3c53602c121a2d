"""One site for all tests of a session: what one of them does to it, it undoes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.project import SLEEPER, Project
from tests.dashboard.site import WORKER

SITE = """
[processes.worker]
command = "{python} -u worker.py"
stop_timeout = 1
[processes.worker.backoff]
first = 0.05
steady = 0
[processes.slow]
command = "sleep 1000"
[processes.slow.readiness]
type = "exec"
command = "sh -c 'echo not \\u001b[31myet >&2; exit 1'"
within = "1h"
[processes.beat]
command = "sleep 1000"
singleton = true
[processes.once]
command = "echo hi"
type = "task"
"""


class TopSite(Project):
    """worker says what it is told; slow never becomes ready; beat is a singleton; once is a task."""

    def says(self, text: str, instance: str = "worker.1") -> None:
        with open(self.directory / f"said.{instance}", "wb", buffering=0) as fifo:
            fifo.write(text.encode("utf-8", "surrogateescape") + b"\n")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TopSite]:
    import sys

    site = TopSite(tmp_path_factory.mktemp("top") / "site")
    (site.directory / "worker.py").write_text(WORKER)
    site.declare(SITE.replace("{python}", sys.executable))
    try:
        site.run("up", "-d", "--no-wait")
        yield site
    finally:
        site.end()
    assert site.members() == []


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Project]:
    """A site for one test, which it may take down."""
    project = Project(tmp_path / "own")
    project.declare(f"[processes.web]\n{SLEEPER}")
    try:
        yield project
    finally:
        project.end()
