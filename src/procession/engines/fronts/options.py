"""What PRODUCTION_STACK["ENGINES"]["nginx"] and ["caddy"] may say."""

from __future__ import annotations

import os
from dataclasses import dataclass

from procession.engines.front import HTTPS_PORT
from procession.stack.model import Stack, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontOptions:
    """One dataclass for both: the same words must mean the same."""

    directory: str = setting(
        "Where its file goes, from the project's directory; deploy/nginx or deploy/caddy if not said", default=""
    )
    process: str = setting('The process that it leads to; "web", or the first that listens, if not said', default="")
    hosts: tuple[str, ...] = setting("The site's host names; any, if not said", default=())
    addresses: tuple[str, ...] = setting(
        'Where it listens, such as "127.0.0.1" or "[::1]"; all if not said', default=()
    )
    port: int = setting("The port of http", default=80)
    https_port: int = setting("The port of https", default=HTTPS_PORT)
    https: bool = setting("caddy: it gets certificates for HOSTS itself; False: http alone", default=True)
    certificate: str = setting("The path of a certificate with its chain: https, and http only leads to it", default="")
    key: str = setting("The path of its private key", default="")
    static: bool = setting("Serve the static files; False: the site does, with whitenoise", default=True)
    static_url: str = setting("Where the static files are asked for; STATIC_URL if not said", default="")
    static_root: str = setting("The directory of the static files; STATIC_ROOT if not said", default="")
    body_bytes: int = setting("The largest request body", default=10 * 2**20)
    timeout_seconds: float = setting(
        "The longest wait for the site's answer; if not said, the time that a stop gives a request", default=0.0
    )


def directory(stack: Stack, options: FrontOptions, name: str) -> str:
    """Absolute."""
    return os.path.normpath(os.path.join(stack.directory, options.directory or os.path.join("deploy", name)))
