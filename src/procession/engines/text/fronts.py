"""nginx and Caddy. What they cannot hold is a ValueError."""

from __future__ import annotations

import re

PLAIN = re.compile(r"[][A-Za-z0-9_./:*-]+")


def nginx_value(value: str) -> str:
    """One parameter of a directive. Raises ValueError for `$`, which nginx takes for a variable and cannot escape."""
    if "$" in value:
        raise ValueError(f"nginx cannot take a $ in {value!r}")
    return value if PLAIN.fullmatch(value) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def caddy_value(value: str) -> str:
    """One token of a Caddyfile. Raises ValueError for `{`, which makes a placeholder, quoted or not, for a `}` alone,
    which ends a block, quoted or not (Caddy 2.6), and for the rare value that neither kind of quotes can hold: in ""
    only a quote can be escaped, in `` nothing can.
    """
    if value == "}":
        raise ValueError("Caddy cannot take a } alone")
    if "{" in value:
        raise ValueError(f"Caddy cannot take a {{ in {value!r}")
    if PLAIN.fullmatch(value):
        return value
    if '"' not in value and not value.endswith("\\"):
        return f'"{value}"'
    if "`" in value:
        raise ValueError(f"Caddy cannot quote {value!r}")
    return f"`{value}`"
