"""manage.py enqueue FIFO: put one task into the runner's queue."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Enqueue `work`."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("fifo")

    def handle(self, *, fifo: str, **_options: object) -> None:
        from jobs.tasks import enqueue

        enqueue(fifo)
