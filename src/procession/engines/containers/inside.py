"""A process as it is inside of a container: other paths than on the machine that renders, and an address of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from procession.engines.elsewhere import program_in_image
from procession.stack.model import Listener, Probe, Process, Stack

APP = "/app"
ANYWHERE = "0.0.0.0"
HOST_OPTIONS = frozenset({"--host", "-H", "--address", "-b", "--bind", "--interface"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP address that a process was declared to listen on."""

    host: str
    number: int


def inside(process: Process, stack: Stack) -> Process:
    """`process` with the project at /app, the image's `python`, and its loopback addresses open to other containers."""

    def place(text: str) -> str:
        return moved(text, stack.directory)

    argv = tuple(place(word) for word in with_image_python(process.argv, stack))
    return replace(
        process,
        argv=opened(argv, process.listeners),
        environment={name: place(value) for name, value in process.environment.items()},
        directory=place(process.directory),
        readiness=_probe(process.readiness, stack),
        liveness=_probe(process.liveness, stack) if process.liveness else None,
        startup=_probe(process.startup, stack) if process.startup else None,
    )


def moved(text: str, directory: str) -> str:
    """Each mention of the project's directory, as a path of its own or before a `/`, becomes that of the image."""
    return re.sub(rf"(?<![\w/.-]){re.escape(directory)}(?=/|$|[:,\s])", APP, text) if len(directory) > 1 else text


def with_image_python(argv: Sequence[str], stack: Stack) -> tuple[str, ...]:
    """Neither our interpreter is there nor what is beside it: the image has its own on PATH."""
    first, *rest = argv
    return (program_in_image(first, stack, "python"), *rest)


def opened(argv: tuple[str, ...], listeners: Sequence[Listener]) -> tuple[str, ...]:
    """A container's loopback is its own: what listens there must listen on all addresses for others to reach it."""
    for port in ports(listeners):
        if port.host in LOOPBACK:
            argv = tuple(_open(word, before, port) for word, before in zip(argv, ("", *argv), strict=False))
    return argv


def _open(word: str, before: str, port: Port) -> str:
    option, equals, value = word.partition("=") if word.startswith("-") else (before, "", word)
    head = f"{option}=" if equals else ""
    if value == f"{port.host}:{port.number}":
        return f"{head}{ANYWHERE}:{port.number}"
    if value in LOOPBACK and option in HOST_OPTIONS:
        return f"{head}{ANYWHERE}"
    return word


def is_open(process: Process) -> bool:
    """Whether others can reach what it listens on, once it is `inside`: what we could not rewrite says so."""
    wanted = {port for port in ports(process.listeners) if port.host in LOOPBACK}
    return not wanted or opened(process.argv, process.listeners) != process.argv


def ports(listeners: Sequence[Listener]) -> list[Port]:
    """Its TCP addresses; unix sockets are left out."""
    found = []
    for listener in listeners:
        if not listener.bind.startswith("unix:"):
            host, _, number = listener.bind.rpartition(":")
            found.append(Port(host, int(number)))
    return found


def env_file_path(path: str, stack: Stack, directory: str) -> str:
    """An env file as the engine's file names it: from there if it is in the project, else absolute."""
    whole = os.path.join(stack.directory, path)
    if whole.startswith(f"{stack.directory}/"):
        return os.path.relpath(whole, directory)
    return whole


def environment_of(stack: Stack, name: str) -> Mapping[str, str]:
    process = stack.process(name)
    return process.environment if process else {}


def _probe(probe: Probe, stack: Stack) -> Probe:
    command = (
        tuple(moved(word, stack.directory) for word in with_image_python(probe.command, stack)) if probe.command else ()
    )
    return replace(probe, command=command, file=moved(probe.file, stack.directory))
