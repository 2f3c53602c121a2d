"""supervisord.conf.

By supervisor/options.py and datatypes.py of 4.3: configparser with inline comments (a # or ; after white space, quoted
or not), then %(here)s by a plain replacement, even behind a second %, then Python's %; a command by shlex; an
environment by a shlex that knows no escapes, and strips quotation marks off both ends of what it has read.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence

SUPERVISORD_COMMENT = re.compile(r"\s[#;]")
SUPERVISORD_HERE = "%(here)s"
SUPERVISORD_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def supervisord_can_hold(value: str) -> bool:
    """Whether a value without white space at its ends can stand in the file, be it alone or in quotation marks."""
    return value.isprintable() and SUPERVISORD_HERE not in value and not SUPERVISORD_COMMENT.search(value)


def supervisord_value(value: str) -> str:
    """A plain value: a path, a name. Raises ValueError for one that the file cannot hold."""
    if not supervisord_can_hold(value) or value != value.strip() or value.startswith(("#", ";")):
        raise ValueError(f"supervisord's file cannot hold {value!r}")
    return value.replace("%", "%%")


def supervisord_command(argv: Sequence[str]) -> str:
    """A command line. Raises ValueError where `supervisord_can_hold` says no of a word."""
    if not all(map(supervisord_can_hold, argv)):
        raise ValueError("supervisord's file cannot hold this command")
    return shlex.join(argv).replace("%", "%%")


def supervisord_can_set(name: str, value: str) -> bool:
    """Whether `environment=` can hold this variable."""
    quotes = {'"', "'"} & set(value)
    return (
        SUPERVISORD_VARIABLE.fullmatch(name) is not None
        and supervisord_can_hold(value)
        and len(quotes) < 2
        and value.strip("\"'") == value
    )


def supervisord_environment(variables: Mapping[str, str]) -> str:
    """What stands behind `environment=`, one variable a line. Each is one that `supervisord_can_set`."""
    return ",".join(f"\n    {name}={_quoted(value)}" for name, value in variables.items())


def _quoted(value: str) -> str:
    mark = "'" if '"' in value else '"'
    return f"{mark}{value}{mark}".replace("%", "%%")


def plain_json(data: object) -> str:
    """JSON of letters, digits and marks that mean nothing to a shell in single quotes, supervisord, systemd or make."""
    return re.sub(r"[^\w ,.:/\[\]{}\"\\=+@-]", _escaped, json.dumps(data, ensure_ascii=True))


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
