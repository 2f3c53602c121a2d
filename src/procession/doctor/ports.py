"""The addresses that the site is to listen on: whether another process has them, and which."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from errno import EADDRINUSE, EADDRNOTAVAIL

from procession.doctor.case import Case
from procession.doctor.finding import Finding, Weight
from procession.stack.model import Listener
from procession.supervisor.linux import procfs
from procession.supervisor.linux.addresses import Address, parse_literal
from procession.supervisor.linux.holders import find_holders

UNPRIVILEGED_FROM = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


def examine_ports(case: Case) -> Iterator[Finding]:
    unwell = {view["process"] for view in case.unwell()}
    for process in case.processes():
        if process.replicas and (not case.engine or process.name in unwell):  # whose another engine's ports are
            for listener in process.listeners:
                yield from _listener(process.name, listener, case)


def _listener(name: str, listener: Listener, case: Case) -> Iterator[Finding]:
    try:
        address = parse_literal(listener.bind)
    except ValueError:
        return  # the declaration's examination says so
    if address is None:
        return
    strangers = [holder for holder in find_holders(address) if not _is_ours(int(holder.split()[0]), case)]
    about = f"port {listener.bind}"
    if strangers:
        pids = " ".join(holder.split()[0] for holder in strangers)
        what = f"{name}: port taken: {listener.bind} is in use by pid {', '.join(strangers)}"
        fix = f"stop that process (kill {pids}), or bind to another address"
        seen = tuple(_described(int(holder.split()[0])) for holder in strangers)
        yield Finding(weight=Weight.CAUSE, about=about, what=what, fix=fix, seen=seen)
    elif case.status is None and not case.engine:
        yield from _unbound(name, listener, address, about)


def _unbound(name: str, listener: Listener, address: Address, about: str) -> Iterator[Finding]:
    """Nobody whom we may see has it, and no supervisor of ours is about to: can it be had at all?"""
    if address.path:
        folder = os.path.dirname(address.path)
        if not os.path.isdir(folder):
            what = f"{name}: the folder of its socket is not there: {folder}"
            yield Finding(weight=Weight.CAUSE, about=about, what=what, fix=f"make it: mkdir -p {folder}")
        return
    trouble = _bind(address)
    if trouble is None:
        return
    what, fix = f"{name}: cannot listen on {listener.bind}: {trouble.strerror}", "bind to another address"
    if trouble.errno == EADDRINUSE:
        what = f"{name}: port taken: {listener.bind} is in use by a process that only root may see"
        fix = "find it: sudo ss -ltnp; stop it, or bind to another address"
    elif trouble.errno == EADDRNOTAVAIL:
        fix = "that address is not this machine's: ip address lists those that are; 0.0.0.0 is all of them"
    elif isinstance(trouble, PermissionError):
        fix = f"only root may, below port {_first_unprivileged()}: start the supervisor as root with USER, or systemd's"
    yield Finding(weight=Weight.CAUSE, about=about, what=what, fix=fix)


def _bind(address: Address) -> OSError | None:
    """Bound and let go at once, and never listened on: nobody can connect meanwhile."""
    with socket.socket(address.family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(address.place)
        except OSError as error:
            return error
    return None


def _is_ours(pid: int, case: Case) -> bool:
    """The supervisor, which holds the site's listeners, and what it has started."""
    supervisor = case.status.get("supervisor", {}).get("pid", 0) if case.status is not None else 0
    mark = procfs.read_mark(pid)
    return pid == supervisor or (mark is not None and mark.directory == case.stack_directory)


def _described(pid: int) -> str:
    argv = " ".join(procfs.read_argv(pid)) or "its command is not ours to see"
    return f"pid {pid}: {argv[:120]}"


def _first_unprivileged() -> int:
    text = procfs.read_file(UNPRIVILEGED_FROM).strip()
    return int(text) if text.isdigit() else 1024
