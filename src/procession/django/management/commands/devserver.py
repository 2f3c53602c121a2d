"""`manage.py devserver [NAME]`: as prodserver, of DEVELOPMENT_PROCESSES; Django's runserver where nothing is declared."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import ClassVar

from django.core.management import call_command
from django.core.management.base import BaseCommand

from procession.django import server


class Command(BaseCommand):
    help = (
        "Runs one process of DEVELOPMENT_PROCESSES (or Procfile.dev) in the foreground, in place of this one. "
        "With none declared it is runserver."
    )
    requires_system_checks: ClassVar[list[str]] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        server.add_arguments(parser)

    def handle(self, *args: object, **options: object) -> None:
        declared = server.declared_here(development=True)
        if options["list"]:
            return server.show(declared, self.stdout, self.style)
        if not declared.processes and not declared.problems:
            words = [word for word in (options["name"], *options["arguments"]) if word]
            return call_command("runserver", *words)
        return server.run(declared, options["name"], options["arguments"])
