"""Telling who asks what was counted: the bytes that each instance has written, and the lines of it that were dropped.

Nobody is told who has not asked, so an idle recorder stays idle. The answer is one JSON object, `{"web.1": [bytes,
lines]}`, written into a FIFO which the asker has made beside those of the instances.
"""

from __future__ import annotations

import os
from errno import EEXIST
from stat import S_ISFIFO

from procession.recorder.lean import quote_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from procession.recorder.logfile import LogFile


def tell(path: str, logs: Mapping[str, LogFile]) -> None:
    """Into this FIFO. What does not fit is cut off: we wait for nobody. Raises OSError; ENXIO where nobody listens."""
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        if not S_ISFIFO(os.fstat(fd).st_mode):
            raise FileExistsError(EEXIST, "not a FIFO", path)
        pairs = (f"{quote_json(name)}:[{log.taken_bytes},{log.dropped_lines}]" for name, log in logs.items())
        os.write(fd, f"{{{','.join(pairs)}}}".encode())
    finally:
        os.close(fd)
