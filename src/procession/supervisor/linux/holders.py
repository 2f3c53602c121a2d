"""Who holds an address: found in /proc, for the message when it is in use (proc(5): net/tcp, net/unix, PID/fd)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from sys import byteorder

from procession.supervisor.linux import procfs
from procession.supervisor.linux.addresses import Address

LISTENING = b"0A"  # TCP_LISTEN, the column `st`


def find_holders(address: Address) -> list[str]:
    """`["4121 (gunicorn)"]`: the processes with a socket that listens there; of another user's we may see none."""
    inodes = set(_unix_inodes(address.path)) if address.path else set(_tcp_inodes(address))
    return [f"{pid} ({_program(pid)})" for pid in _pids_with(inodes)] if inodes else []


def _tcp_inodes(address: Address) -> Iterator[bytes]:
    """Inodes of the sockets that listen on the port, on that address or on all."""
    assert not isinstance(address.place, str), "the caller has looked"
    host, port = address.place
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        wanted = {_hexadecimal(family, "0.0.0.0" if family is socket.AF_INET else "::")}
        if family is address.family:
            wanted.add(_hexadecimal(family, host))
        for fields in _rows(f"/proc/net/{table}"):
            local, _, local_port = fields[1].rpartition(b":")
            if fields[3] == LISTENING and int(local_port, 16) == port and (local in wanted or _is_any(host)):
                yield fields[9]


def _unix_inodes(path: str) -> Iterator[bytes]:
    for fields in _rows("/proc/net/unix"):
        if len(fields) == 8 and fields[7] == os.fsencode(path):
            yield fields[6]


def _pids_with(inodes: set[bytes]) -> list[int]:
    links = {"socket:[" + inode.decode() + "]" for inode in inodes}
    return [pid for pid in procfs.all_pids() if pid != os.getpid() and links & set(_open_files(pid))]


def _open_files(pid: int) -> Iterator[str]:
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue


def _hexadecimal(family: socket.AddressFamily, host: str) -> bytes:
    """As /proc/net/tcp writes it: 32-bit words in the machine's byte order."""
    packed = socket.inet_pton(family, host)
    words = (packed[place : place + 4] for place in range(0, len(packed), 4))
    return b"".join(b"%08X" % int.from_bytes(word, byteorder) for word in words)


def _is_any(host: str) -> bool:
    return host in ("0.0.0.0", "::")


def _rows(path: str) -> Iterator[list[bytes]]:
    try:
        with open(path, "rb") as file:
            next(file, None)
            for line in file:
                yield line.split()
    except OSError:
        return


def _program(pid: int) -> str:
    stat = procfs.read_stat(pid)
    return stat.program if stat else "?"
