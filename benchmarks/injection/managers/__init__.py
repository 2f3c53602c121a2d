"""The tools, in the order of the table's columns. A new one: one file here and one line below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.injection.managers import circus, honcho, pm2, procession, supervisord
from benchmarks.injection.managers.base import Manager

INSTALLERS: dict[str, Callable[[Path], Manager]] = {
    "procession": procession.install,
    "supervisord": supervisord.install,
    "circus": circus.install,
    "honcho": honcho.install,
    "pm2": pm2.install,
}
