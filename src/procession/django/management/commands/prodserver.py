"""`manage.py prodserver [NAME] [--list] [-- ARGUMENTS]`: run one declared process in the foreground."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from procession.django import server


class Command(BaseCommand):
    help = (
        "Runs one process of PRODUCTION_PROCESSES in the foreground, in place of this one: for systemd and containers. "
        "What follows `--` goes to its program and wins over ARGS."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - as Django has it

    def add_arguments(self, parser: ArgumentParser) -> None:
        server.add_arguments(parser)

    def handle(self, *args: str, name: str | None, arguments: list[str], list: bool, **options: object) -> None:
        declared = server.declared_here(development=False)
        if list:
            server.show(declared, self.stdout, self.style)
        else:
            server.run(declared, name, arguments)
