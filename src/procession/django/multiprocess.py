"""Each new worker takes the dead out of prometheus_client's directory: the one that it replaces is among them."""

from __future__ import annotations

import os

from procession.supervisor.linux.multiprocess import OURS, bury


def bury_the_dead() -> None:
    """Now, and in each process that is forked from this one (a worker of gunicorn --preload, of Celery's pool).

    Only where the directory is ours: in that of somebody else there may be files of pids that mean others to us.
    """
    directory = os.environ.get(OURS, "")
    if directory:
        bury(directory)
        os.register_at_fork(after_in_child=lambda: bury(directory))
