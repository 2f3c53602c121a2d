from argparse import ArgumentParser

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Prints its words: the management command that the backend `manage` runs in tests."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("words", nargs="*")
        parser.add_argument("--loud", action="store_true")
        parser.add_argument("--times", type=int, default=1)

    def handle(self, *, words: list[str], loud: bool, times: int, **_options: object) -> None:
        for _ in range(times):
            text = " ".join(words)
            self.stdout.write(text.upper() if loud else text)
