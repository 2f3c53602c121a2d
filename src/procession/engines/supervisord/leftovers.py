"""What is left where supervisord was killed: its programs go on, hold the listener, and would be there twice."""

from __future__ import annotations

import json
import os

from procession.engines.base import Asked
from procession.engines.steps import Command, News, Steps
from procession.engines.supervisord.launched import PYTHON
from procession.engines.supervisord.options import LEFTOVERS, SOCKET, next_name


def end_leftovers(asked: Asked) -> Steps[bool]:
    """As each is to be stopped. Whether there were any."""
    stops = {
        name: (process.stop[0].signal, process.stop_seconds)
        for process in asked.stack.processes
        for name in (*process.instances(), next_name(process))
    }
    url = f"unix://{os.path.join(asked.directory, SOCKET)}"
    done = yield Command(argv=(*PYTHON, LEFTOVERS, url, json.dumps(stops)))
    for line in done.stdout.splitlines():
        yield News(f"left by a supervisord that was killed: {line}")
    return bool(done.stdout)
