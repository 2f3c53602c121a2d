"""`procession attach web`: be at an instance's terminal, as for the prompt of a breakpoint()."""

from __future__ import annotations

import argparse
import os
import socket

from procession.console import text
from procession.control import wire
from procession.refusal import ExitCode, Refusal

SUMMARY = "Be at an instance's terminal: for the prompt of a breakpoint()"
DETAILS = """\
The process needs a terminal: "TTY": True. What it has said last is shown first. Ctrl-] leaves, and the instance goes
on. Ctrl-C is passed on at the second press only, because it interrupts the instance. Several people may be attached:
all of them see everything, and all may type. Without a terminal of your own, what comes on stdin is typed, and the end
of it leaves.
"""
EXAMPLES = ("procession attach web", "procession attach worker.2 --detach-key ctrl-q")
DETACH_KEY = "ctrl-]"
CONTROL_KEYS = "abcdefghijklmnopqrstuvwxyz[\\]^_"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="an instance (web.2), or a process (web) that has one")
    parser.add_argument(
        "--detach-key", metavar="KEY", type=control_key, default=DETACH_KEY, help=f"leaves (default: {DETACH_KEY})"
    )


def run(options: argparse.Namespace) -> int:
    from procession.console.session import Session, attach  # here, so that `procession help` need not wait for it

    instance, place = find(options)
    try:
        holder = connect(place)
    except OSError as error:
        raise Refusal(
            f"{instance}: nobody answers at its terminal: {error.strerror}", "see: procession logs procession"
        ) from error
    with holder:
        return attach(Session(holder, instance, options.detach_key))


def control_key(written: str) -> bytes:
    """`ctrl-]`, `Ctrl-]` or `^]` as the byte that the key sends. Raises ArgumentTypeError."""
    key = written.lower().removeprefix("ctrl-") if len(written) > 2 else written.lower().removeprefix("^")
    if len(key) != 1 or key not in CONTROL_KEYS or key == written:
        raise argparse.ArgumentTypeError(f"write a control key, such as ctrl-] or ctrl-q, not {written!r}")
    return bytes([ord(key.upper()) & 0x1F])


def find(options: argparse.Namespace) -> tuple[str, str]:
    """The instance, and where its terminal is. Raises Refusal that says why there is none.

    The supervisor is not asked: it may be dead just now.
    """
    folder = os.path.join(options.stack_directory, wire.TERMINALS_NAME)
    found = {instance: life for instance, life in _terminals(folder) if options.name in _names(instance)}
    if not found:
        raise _why_none(options)
    if len(found) > 1:
        names = ", ".join(found)
        raise Refusal(f"{options.name} has {len(found)} instances; say which: {names}", code=ExitCode.USAGE)
    instance, life = found.popitem()
    return instance, os.path.join(folder, f"{instance}.{life}")


def connect(place: str) -> socket.socket:
    """The connection to the holder of this terminal. Raises OSError."""
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    folder = os.open(os.path.dirname(place), os.O_PATH)  # by its fd: an address has 107 bytes, a path may be longer
    try:
        holder.connect(f"/proc/self/fd/{folder}/{os.path.basename(place)}")
    except OSError:
        holder.close()
        raise
    finally:
        os.close(folder)
    return holder


def _terminals(folder: str) -> list[tuple[str, int]]:
    """(instance, life) of each terminal; of an instance that is being rolled, the new one comes last."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    split = [name.rpartition(".") for name in names]
    return sorted((instance, int(life)) for instance, _, life in split if life.isdecimal())


def _names(instance: str) -> tuple[str, str]:
    """What it may be called: itself, and its process."""
    return instance, instance.rpartition(".")[0]


def _why_none(options: argparse.Namespace) -> Refusal:
    from procession.control.client import Client

    name = options.name
    with Client(options.stack_directory) as client:
        data = client.call("status").data
    views = [view for view in data["instances"] if name in (view["name"], view["process"])]
    processes = [process["name"] for process in data["processes"]]
    if not views and name not in processes:
        known = [*processes, *(view["name"] for view in data["instances"])]
        what = f"there is no {name!r}" + text.suggestion(name, known)
        return Refusal(what, "see: procession status", code=ExitCode.USAGE)
    running = [view for view in views if view["pid"]]
    if not running:
        phases = ", ".join(f"{view['name']} is {view['phase']}" for view in views) or f"{name} has no instances"
        return Refusal(f"nothing of {name} is running: {phases}", f"procession start {name}", code=ExitCode.NOT_SO)
    fix = f'write "TTY": True for {running[0]["process"]}, and: procession update'
    return Refusal(f"{name} has no terminal", fix, code=ExitCode.NOT_SO)
