"""Listeners that an earlier supervisor handed over, taken back from the instances that still serve them."""

from __future__ import annotations

import os
import socket

from procession.supervisor.linux import kernel
from procession.supervisor.linux.activation import listens_on
from procession.supervisor.linux.addresses import Address
from procession.supervisor.linux.spawn import FIRST_LISTENER_FD

HANDED_OVER_MAX = 16  # fds that are looked at: what was handed over begins at FIRST_LISTENER_FD


def take_back(address: Address, pids: list[int]) -> socket.socket | None:
    """The listener on this address that one of these processes has open; None: none has, or we may not take it."""
    for pid in pids:
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            found = _find(pidfd, pid, address)
        finally:
            os.close(pidfd)
        if found is not None:
            return found
    return None


def _find(pidfd: int, pid: int, address: Address) -> socket.socket | None:
    for number in range(FIRST_LISTENER_FD, FIRST_LISTENER_FD + HANDED_OVER_MAX):
        if not _is_socket(f"/proc/{pid}/fd/{number}"):
            continue
        try:
            candidate = socket.socket(fileno=kernel.take_fd(pidfd, number))
        except OSError:
            continue
        if listens_on(candidate, address):
            return candidate
        candidate.close()
    return None


def _is_socket(path: str) -> bool:
    try:
        return os.readlink(path).startswith("socket:")
    except OSError:
        return False
