"""A control group with a limit of memory, of whichever version this machine has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.console.project import await_true

LIMIT_BYTES = 48 << 20
FILES = ("memory.max", "memory.limit_in_bytes")  # version 2, version 1
PLACES = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory"))


@dataclass(frozen=True)
class MemoryGroup:
    path: Path

    def entered(self, command: str) -> str:
        """The shell line that goes in, and becomes the command."""
        return f"echo $$ > {self.path}/cgroup.procs; exec {command}"


@contextmanager
def memory_group(name: str) -> Iterator[MemoryGroup]:
    for place in PLACES:
        path = place / name
        try:
            path.mkdir()
        except OSError:
            continue
        files = [path / file for file in FILES if (path / file).exists()]
        if files:
            files[0].write_text(str(LIMIT_BYTES))
            try:
                yield MemoryGroup(path)
            finally:
                await_true(lambda path=path: _is_removed(path), f"{path} is not empty")
            return
        path.rmdir()
    pytest.skip("no control group with a memory controller can be had here")


def _is_removed(path: Path) -> bool:
    try:
        path.rmdir()
    except OSError:
        return False
    return True
