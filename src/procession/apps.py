"""`INSTALLED_APPS = ["procession"]`: Django looks into this module, and finds the AppConfig of procession.django."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig


class ProcessionConfig(AppConfig):
    """The site's side of Procession: its system checks, and the telling of readiness.

    The label is short because it is what `manage.py check procession` and the log lines say.
    """

    name = "procession.django"
    label = "procession"
    verbose_name = "Procession"

    def ready(self) -> None:
        """Register the checks; then, if a supervisor started this process, arrange that it hears when we are ready, and
        that we are alive; that breakpoint() finds the instance's terminal; and that prometheus_client counts no worker
        that has died.
        """
        if find_spec("procession.django.checks"):
            import_module("procession.django.checks")
        from procession.django import debugger, heartbeat, multiprocess, ready

        multiprocess.bury_the_dead()
        debugger.arrange()
        heartbeat.beat_while_it_turns()
        ready.tell_when_ready()
