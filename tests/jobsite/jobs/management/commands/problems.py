"""manage.py problems BACKEND ARGS: what the backend finds wrong with ARGS (JSON), in a process with Django set up."""

import json
import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from procession.backends.registry import find
from procession.stack.model import Declaration, Site


class Command(BaseCommand):
    """Print the ids and places of the problems, one in a line."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backend")
        parser.add_argument("args_json")

    def handle(self, *, backend: str, args_json: str, **_options: object) -> None:
        found = find(backend)
        assert found
        command = found.build(Declaration(args=json.loads(args_json)), Site(directory=".", python=sys.executable), 60.0)
        for problem in command.problems:
            self.stdout.write(f"{problem.id} {problem.where} {problem.fix}")
