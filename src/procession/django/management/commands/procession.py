"""`manage.py procession VERB ...`: the command `procession`, for this project and these settings."""

from __future__ import annotations

import os
import sys
from argparse import REMAINDER, ArgumentParser

from django.core.management.base import BaseCommand

from procession.console.main import main


class Command(BaseCommand):
    help = "Runs the whole site: up, down, status, logs, ... `manage.py procession help` lists the verbs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("args", nargs=REMAINDER, metavar="VERB ...", help="as after `procession`")

    def run_from_argv(self, argv: list[str]) -> None:
        """Past argparse: the verbs have options of their own, and Django's --settings has been obeyed by now."""
        sys.exit(self._run(argv[2:]))

    def handle(self, *args: str, **options: object) -> None:
        """For call_command("procession", "status")."""
        if code := self._run(list(args)):
            sys.exit(code)

    def _run(self, arguments: list[str]) -> int:
        settings = os.environ.get("DJANGO_SETTINGS_MODULE", "")
        return main(arguments, prog="manage.py procession", settings=settings)
