"""A site with ALERTS: its project, its settings, and what its supervisor is told to run."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from procession.recorder.reading.history import Event, Wanted, read_events
from procession.stack.codec import to_data
from procession.stack.model import Alerts, Backoff, Process, Stack
from tests.alerts.inbox import Inbox
from tests.faults.killing import kill_both
from tests.supervisor.programs import until
from tests.supervisor.site import Answer, Site

QUICK_TO_DIE = Backoff(first_seconds=0.01, longest_seconds=0.02, steady_seconds=5.0)
SETTINGS = """
SECRET_KEY = "for tests alone"
print("what settings print is no report")
EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = {port}
SERVER_EMAIL = "shop@example.com"
ADMINS = [("Ops", "ops@example.com"), ("Dev", "dev@example.com")]
"""
MANAGE = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shopsettings")
from django.core.management import execute_from_command_line
execute_from_command_line()
"""
# Quiet enough to be told apart, and short enough to wait for.
RULES: Mapping[str, Any] = {"collect_seconds": 0.2, "recovered_after_seconds": 0.5, "unready_after_seconds": 0.2}


class Shop:
    def __init__(self, folder: Path, site: Site, inbox: Inbox) -> None:
        self.folder = folder
        self.site = site
        self.inbox = inbox
        folder.mkdir()
        (folder / "manage.py").write_text(MANAGE)
        (folder / "shopsettings.py").write_text(SETTINGS.format(port=inbox.smtp))

    def stack(self, *processes: Process, **rules: Any) -> Stack:
        """These, with alerts by webhook where `rules` name nothing else."""
        said = {"webhook": (self.inbox.url,), **RULES, **rules}
        command = (sys.executable, "-P", "-m", "procession.django.alerts", "shopsettings")
        alerts = Alerts(**said)
        return Stack(name="shop", directory=str(self.folder), processes=processes, alerts=alerts, alerter=command)

    def up(self, *processes: Process, **rules: Any) -> None:
        """Have the supervisor run these, without waiting until they do."""
        if not self.site.started:
            self.site.start()
        assert self.apply(self.stack(*processes, **rules), wait=False)["done"]

    def apply(self, stack: Stack, *, wait: bool = True) -> Answer:
        return self.site.call("apply", {"stack": to_data(stack), "start": True, "wait": wait})

    def alerts(self) -> Mapping[str, Any]:
        """What `status` says of them."""
        return dict(self.site.status()["supervisor"]["alerts"])

    def sender(self) -> int:
        """The pid of the child that sends a message, as soon as it is written down."""
        until(lambda: self._written()["pid"] > 0, "no sender is there")
        return int(self._written()["pid"])

    def make_due(self) -> None:
        """What waits to be tried again need not: the supervisor is another one, and its clock says so."""
        kill_both(self.site)
        data = self._written()
        for parcel in data["parcels"]:
            parcel["due"] = 0.0
        (self.site.directory / "alerts.json").write_text(json.dumps(data))
        self.site.start()

    def await_event(self, kind: str) -> list[Event]:
        """The events of this kind, as soon as there is one."""
        found: list[Event] = []

        def is_there() -> bool:
            try:
                events = read_events(str(self.site.directory), Wanted())
            except FileNotFoundError:
                return False
            found[:] = [event for event in events if event.kind == kind]
            return bool(found)

        until(is_there, f"no event {kind}")
        return found

    def _written(self) -> dict[str, Any]:
        return dict(json.loads((self.site.directory / "alerts.json").read_text()))
