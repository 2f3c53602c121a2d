"""nginx and Caddy. What they cannot hold is a ValueError."""

from __future__ import annotations

import re

NGINX_PLAIN = re.compile(r"[][A-Za-z0-9_./:*-]+")


def nginx_value(value: str) -> str:
    """One parameter of a directive. Raises ValueError for `$`, which nginx takes for a variable and cannot escape."""
    if "$" in value:
        raise ValueError(f"nginx cannot take a $ in {value!r}")
    return value if NGINX_PLAIN.fullmatch(value) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def caddy_value(value: str) -> str:
    """One token of a Caddyfile. Raises ValueError for `{`: braces make a placeholder, quoted or not."""
    if "{" in value:
        raise ValueError(f"Caddy cannot take a {{ in {value!r}")
    return value if NGINX_PLAIN.fullmatch(value) else '"' + value.replace('"', '\\"') + '"'
