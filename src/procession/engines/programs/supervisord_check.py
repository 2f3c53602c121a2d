"""Reads a supervisord.conf as supervisord would, in supervisord's own Python: `python supervisord_check.py CONF`.

supervisord has no option for this, and leaves out what it does not know without a word; here that is an error, too.
"""

import sys
from configparser import RawConfigParser
from typing import Any

from supervisor import options
from supervisor.options import ServerOptions, UnhosedConfigParser

READ_ELSEWHERE = {("supervisorctl", "serverurl")}
seen: set[tuple[str, str]] = set()


class Watched(UnhosedConfigParser):  # type: ignore[misc]
    """Remembers what it was asked for."""

    def get(self, section: str, option: str, *args: Any, **named: Any) -> Any:
        seen.add((section, option))
        return super().get(section, option, *args, **named)


def main(path: str) -> None:
    """Exits with 2 and supervisord's words for what it does not take, with 1 and ours for what it would leave out."""
    options.UnhosedConfigParser = Watched
    ServerOptions().realize(["-n", "-c", path])
    written = RawConfigParser()
    written.read(path, encoding="utf-8")
    there = {(section, option) for section in written.sections() for option in written.options(section)}
    for section, option in sorted(there - seen - READ_ELSEWHERE):
        sys.exit(f"this supervisord knows no `{option}` in [{section}]")


if __name__ == "__main__":
    main(sys.argv[1])
