"""`manage.py devserver [NAME]`: as prodserver, of DEVELOPMENT_PROCESSES; runserver where nothing is declared."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management import call_command
from django.core.management.base import BaseCommand

from procession.django import server


class Command(BaseCommand):
    help = (
        "Runs one process of DEVELOPMENT_PROCESSES (or Procfile.dev) in the foreground, in place of this one. "
        "With none declared it is runserver."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - as Django has it

    def add_arguments(self, parser: ArgumentParser) -> None:
        server.add_arguments(parser)

    def handle(self, *args: str, name: str | None, arguments: list[str], list: bool, **options: object) -> None:
        declared = server.declared_here(development=True)
        if list:
            server.show(declared, self.stdout, self.style)
        elif not declared.processes and not declared.problems:
            call_command("runserver", *([name] if name else []), *arguments)
        else:
            server.run(declared, name, arguments)
