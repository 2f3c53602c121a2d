"""The feed reader in /srv/site of a booted machine, which www-data owns; and `procession` typed there, by root."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from tests.backends.serving import free_port
from tests.console.project import Ended
from tests.engines.story import FETCH_SECONDS
from tests.engines.systemd.machine import REPOSITORY, Machine

SITE = "/srv/site"
WSGI = f"{SITE}/feedreader/wsgi.py"
BROKEN = 'raise RuntimeError("a release that does not boot")\n'


class Feeds:
    """A Place of tests/engines/story.py. `declaration`: more lines of its settings."""

    begin: tuple[str, ...] = ("apply", "--engine", "systemd")

    def __init__(self, machine: Machine, *declaration: str) -> None:
        self.machine = machine
        self.port = free_port()
        machine.ok("cp", "-r", str(REPOSITORY / "examples/feedreader"), SITE)
        machine.ok("chown", "-R", "www-data:www-data", SITE)
        self._broker = free_port()
        redis = ("redis-server", "--port", str(self._broker), "--bind", "127.0.0.1", "--save", "")
        machine.ok("systemd-run", "--quiet", "--unit=broker", *redis)
        self.declare(*declaration)

    def declare(self, *declaration: str) -> None:
        """With Redis: of a queue of files, a worker may read one half written, and end (kombu's transport)."""
        settings = (REPOSITORY / "examples/feedreader/feedreader/settings.py").read_text()
        environment = {"PORT": str(self.port), "FETCH_SECONDS": str(FETCH_SECONDS)}
        environment["BROKER_URL"] = f"redis://127.0.0.1:{self._broker}/0"
        more = [f"PRODUCTION_STACK = {{'NAME': 'feeds', 'USER': 'www-data', 'ENV': {environment}}}"]
        more += ['PRODUCTION_PROCESSES["web"]["REPLICAS"] = 2']
        more += [f'PRODUCTION_PROCESSES["web"]["ARGS"]["bind"] = "127.0.0.1:{self.port}"', *declaration]
        self.machine.write(f"{SITE}/feedreader/settings.py", "\n".join([settings, *more, ""]))

    def procession(self, *words: str) -> Ended:
        done = self.machine.run(sys.executable, "-m", "procession", *words, directory=SITE)
        return Ended(done.returncode, done.stdout, done.stderr)

    def instances(self) -> Mapping[str, Mapping[str, Any]]:
        """What `status --json` says, by name."""
        return {row["name"]: row for row in json.loads(self.procession("status", "--json").out)["instances"]}

    def kill(self, instance: str) -> None:
        self.machine.ok("kill", "-KILL", str(self.instances()[instance]["pid"]))

    def release(self, *, boots: bool) -> None:
        wsgi = (REPOSITORY / "examples/feedreader/feedreader/wsgi.py").read_text()
        self.machine.write(WSGI, wsgi if boots else BROKEN)

    def left(self) -> Iterable[str]:
        units = self.machine.ok("systemctl", "list-units", "--all", "--plain", "--no-legend", "feeds*")
        files = self.machine.ok("find", "/etc/systemd", "/run", "-name", "*feeds*")
        processes = self.machine.run("ps", "-u", "www-data", "-o", "pid=,args=").stdout
        return [*units.splitlines(), *files.splitlines(), *processes.splitlines()]
