"""Tasks that say on a file or a FIFO what they did, so that a test in another process can see it."""

import time
from pathlib import Path

from celery import shared_task


@shared_task  # type: ignore[untyped-decorator]
def say(path: str, text: str) -> None:
    with Path(path).open("a") as out:
        out.write(text + "\n")


@shared_task  # type: ignore[untyped-decorator]
def work(path: str, seconds: float) -> None:
    """Says "started", works, says "done"."""
    say(path, "started")
    time.sleep(seconds)
    say(path, "done")
