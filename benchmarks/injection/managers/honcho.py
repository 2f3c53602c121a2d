"""honcho: prints what all services print, so that the log is its own output; no daemon, no status, no restart."""

from __future__ import annotations

import shlex
from pathlib import Path

from benchmarks.injection.managers.base import Manager, Service
from benchmarks.install import install_python


def install(cache: Path) -> Manager:
    folder, version = install_python(cache, "honcho", "honcho")
    return Manager(
        name="honcho",
        version=version,
        write=write,
        configuration="Procfile",
        up=("sh", "start"),
        stays=True,
        environment=lambda _: {"HONCHO": str(folder / "honcho")},
    )


def write(directory: Path, services: tuple[Service, ...]) -> None:
    """`<>` opens a FIFO that nobody reads without waiting for a reader, and makes no file shorter."""
    lines = [f"{service.name}: {shlex.join(service.argv)}\n" for service in services]
    (directory / "Procfile").write_text("".join(lines))
    (directory / "start").write_text(f'exec "$HONCHO" start 1<>{shlex.quote(str(services[0].log))} 2>&1\n')
