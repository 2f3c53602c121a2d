"""A small file system that is full when a test says so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Disk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Not a byte more fits; what is there already may be written over."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 16, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue
        assert os.statvfs(self.folder).f_bavail == 0

    def make_room(self) -> None:
        self._filler.unlink()


@contextmanager
def mounted(folder: Path, *, mode: int) -> Iterator[Disk]:
    """A file system of 4 MiB in a new folder."""
    folder.mkdir(mode=mode)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=4m,mode={mode:o}", "tmpfs", str(folder)], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
