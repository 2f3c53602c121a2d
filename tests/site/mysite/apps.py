"""A site may be slow to load: this one waits until MYSITE_BOOT_FIFO has a writer."""

import os

from django.apps import AppConfig


class MySite(AppConfig):
    name = "mysite"

    def ready(self) -> None:
        if fifo := os.environ.get("MYSITE_BOOT_FIFO"):
            with open(fifo, "rb") as slow:
                slow.read()
