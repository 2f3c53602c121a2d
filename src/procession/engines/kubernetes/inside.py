"""What a command becomes inside of the image: another Python, another directory, and an address that others reach.

A Stack is read on one machine and holds its paths: the interpreter of a virtual environment, the project's directory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from procession.engines.elsewhere import program_in_image
from procession.engines.kubernetes.options import Options
from procession.stack.model import Listener, Process, Stack

EVERYWHERE = {"127.0.0.1": "0.0.0.0", "localhost": "0.0.0.0", "[::1]": "[::]"}


def command(process: Process, stack: Stack, options: Options) -> tuple[str, ...]:
    """What starts the process in its container."""
    words = moved(process.argv, stack, options)
    return tuple(_reached(word, number, words, process.listeners) for number, word in enumerate(words))


def moved(words: Iterable[str], stack: Stack, options: Options) -> tuple[str, ...]:
    """A command of this machine with the image's paths; its first word may be Python, or beside it."""
    first, *rest = words
    program = path(program_in_image(first, stack, options.python), stack, options)
    return (program, *(path(word, stack, options) for word in rest))


def path(text: str, stack: Stack, options: Options) -> str:
    """`text` with the project's directory where the image has it: /srv/mysite/x, and --config=/srv/mysite/x too."""
    here = stack.directory.rstrip("/")
    if not here or here not in text:
        return text
    return re.sub(rf"(?<![^=:,]){re.escape(here)}(?=[/:,]|$)", lambda _: options.directory, text)


def unreachable(process: Process, stack: Stack, options: Options) -> list[str]:
    """The addresses that only this pod itself can reach: loopback that the command does not name, and unix sockets."""
    words = command(process, stack, options)
    return [listener.bind for listener in process.listeners if _stays_inside(listener, words)]


def ports(process: Process) -> list[int]:
    """The TCP ports that it serves, each once, as declared."""
    found = [port_of(listener.bind) for listener in process.listeners if not listener.bind.startswith("unix:")]
    return list(dict.fromkeys(found))


def port_of(bind: str) -> int:
    """8000 of 127.0.0.1:8000; 0 where there is none."""
    port = bind.rpartition(":")[2]
    return int(port) if port.isdecimal() else 0


def _stays_inside(listener: Listener, words: tuple[str, ...]) -> bool:
    if listener.bind.startswith("unix:"):
        return True
    host, _, port = listener.bind.rpartition(":")
    wide = EVERYWHERE.get(host)
    return wide is not None and not any(
        word.endswith((f"{wide}:{port}", f"={wide}", f":{port}")) or word == wide for word in words
    )


def _reached(word: str, number: int, words: tuple[str, ...], listeners: Iterable[Listener]) -> str:
    """A word that says a loopback address says all addresses: a pod is asked from outside, at its own."""
    for listener in listeners:
        host, _, port = listener.bind.rpartition(":")
        wide = EVERYWHERE.get(host)
        if wide is None:
            continue
        if word == f"{host}:{port}" or word.endswith(f"={host}:{port}"):
            return f"{word.removesuffix(f'{host}:{port}')}{wide}:{port}"
        bare = host.strip("[]")
        if word in (f"--host={bare}", f"--bind={bare}"):
            return f"{word.removesuffix(bare)}{wide.strip('[]')}"
        if word == bare and number and words[number - 1] in ("--host", "--bind", "-b"):
            return wide.strip("[]")
    return word
