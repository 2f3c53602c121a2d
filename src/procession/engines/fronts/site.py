"""A stack, and what was said of the server in front -> what that server must know."""

from __future__ import annotations

import math
from collections.abc import Callable

from procession.engines.base import Rendering
from procession.engines.files import File
from procession.engines.front import Fronted
from procession.engines.fronts.options import FrontOptions
from procession.errors import Problem
from procession.stack.model import Process, Stack

WEB = "web"
ANYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1", "*": "127.0.0.1"}


def render(stack: Stack, options: FrontOptions, *, path: str, text: Callable[[Fronted], str]) -> Rendering:
    """One file. What the server cannot say is E101."""
    where = path.rpartition(".")[2]
    process = _process(stack, options)
    if process is None:
        return _refused(where, "no process listens, so there is nothing to lead to", "declare a web server")
    if bool(options.certificate) != bool(options.key):
        return _refused(f"{where}.certificate", "a certificate and its key go together", "say both, or none")
    if any(character in value for value in _values(options) for character in "\0\r\n"):
        return _refused(where, "a value holds a line break, which its file cannot", "choose another one")
    try:
        return Rendering(files=(File(path=path, text=text(_fronted(stack, process, options))),))
    except ValueError as error:
        return _refused(where, str(error), "choose another one")


def _refused(where: str, what: str, fix: str) -> Rendering:
    return Rendering(files=(), problems=(Problem("E101", where, what, fix=fix),))


def _values(options: FrontOptions) -> list[str]:
    said = [options.certificate, options.key, options.static_url, options.static_root]
    return [*said, *options.hosts, *options.addresses]


def _process(stack: Stack, options: FrontOptions) -> Process | None:
    listening = [process for process in stack.processes if process.listeners]
    named = [process for process in listening if process.name == (options.process or WEB)]
    return next(iter(named if named or options.process else listening), None)


def _fronted(stack: Stack, process: Process, options: FrontOptions) -> Fronted:
    url = options.static_url or stack.static.url
    root = options.static_root or stack.static.root
    is_ours = options.static and url.startswith("/") and url.strip("/") != ""  # else somebody else serves them
    return Fronted(
        name=stack.name,
        upstreams=tuple(upstream(listener.bind) for listener in process.listeners),
        hosts=options.hosts,
        addresses=options.addresses,
        port=options.port,
        https_port=options.https_port,
        https=options.https,
        certificate=options.certificate,
        key=options.key,
        static_url=f"/{url.strip('/')}/",
        static_root=root if is_ours else "",
        body_bytes=options.body_bytes,
        read_seconds=_read_seconds(process, options),
    )


def upstream(bind: str) -> str:
    """Where a listener is asked from this machine."""
    if bind.startswith("unix:"):
        return bind
    host, _, port = bind.rpartition(":")
    return f"{ANYWHERE.get(host, host)}:{port}"


def _read_seconds(process: Process, options: FrontOptions) -> int:
    """Whoever waits longer would be cut off by the next stop: so nobody waits for longer than that gives him."""
    return max(1, math.floor(options.timeout_seconds or process.stop[0].seconds))
