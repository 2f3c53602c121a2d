"""The listeners that we hold for the processes that can take them: bound once, handed to every life of every instance.

So a port is never closed while a web process restarts, and what connects meanwhile waits in the backlog. What systemd
has passed on to us is taken instead of being bound, see `activation`.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Sequence
from errno import EADDRINUSE

from procession.owner import find_owner
from procession.stack.model import Listener, Stack
from procession.supervisor.linux import systemd
from procession.supervisor.linux.activation import IPV4_ANY, IPV6_ANY, Passed, listens_on
from procession.supervisor.linux.addresses import Address, parse_address
from procession.supervisor.linux.holders import find_holders

TakeBack = Callable[[Address], "socket.socket | None"]


class Listeners:
    """`take_back(address)` finds the listener in a living instance of an earlier supervisor, where there is one."""

    __slots__ = ("_declared", "_held", "_inherited", "_passed", "_take_back")

    def __init__(self, take_back: TakeBack, passed: Passed, inherited: Sequence[int] = ()) -> None:
        """`passed` are those of systemd; `inherited`: fds of listeners that the supervisor before us held."""
        self._take_back = take_back
        self._passed = passed
        self._inherited = [socket.socket(fileno=fd) for fd in inherited]
        self._declared: dict[str, tuple[Listener, ...]] = {}  # by process
        self._held: dict[str, dict[Listener, socket.socket]] = {}

    def declare(self, process: str, listeners: tuple[Listener, ...]) -> None:
        """From now on, hold these for the process, and close what else it had. They are bound when they are needed.

        Of those that the supervisor before us held, the process has its own at once: they are closed with the others.
        """
        held = self._held.get(process, {})
        for listener in [listener for listener in held if listener not in listeners]:
            self._close(held.pop(listener))
        if listeners:
            self._declared[process] = listeners
            self._held[process] = held | self._claim([one for one in listeners if one not in held])
        else:
            self._declared.pop(process, None)
            self._held.pop(process, None)

    def fds(self, process: str) -> list[int]:
        """The fds to hand over, in the declared order. Raises OSError whose text says who holds the address."""
        held = self._held.setdefault(process, {})
        for listener in self._declared.get(process, ()):
            if listener not in held:
                held[listener] = self._bind(process, listener)
        return [held[listener].fileno() for listener in self._declared.get(process, ())]

    def held_fds(self) -> list[int]:
        """All that is held now, for whoever comes after us."""
        held = [bound for of_process in self._held.values() for bound in of_process.values()]
        return [bound.fileno() for bound in (*held, *self._inherited)]

    def lent_fds(self) -> list[int]:
        """Those of systemd, for whoever comes after us."""
        return self._passed.fds()

    def close_unwanted(self, stack: Stack) -> tuple[list[str], list[str]]:
        """Of those that were passed on to us: which this stack serves, and which it does not, and are closed now."""
        wanted = (listener for process in stack.processes if process.handoff for listener in process.listeners)
        return self._passed.close_others(address for listener in wanted if (address := _address(listener)))

    def close_all(self) -> None:
        """We go down: remove our unix sockets' files, too."""
        for process in list(self._declared):
            self.declare(process, ())
        for inherited in self._inherited:
            self._close(inherited)

    def _claim(self, listeners: Sequence[Listener]) -> dict[Listener, socket.socket]:
        """Those of them that the supervisor before us held."""
        claimed: dict[Listener, socket.socket] = {}
        for listener in listeners:
            address = _address(listener)
            found = next((one for one in self._inherited if address and listens_on(one, address)), None)
            if found is not None:
                self._inherited.remove(found)
                claimed[listener] = found
        return claimed

    def _close(self, listener: socket.socket) -> None:
        path = listener.getsockname() if listener.family is socket.AF_UNIX else ""
        systemd.release(listener)
        listener.close()
        if path and not self._passed.is_lent(path):
            try:
                os.unlink(path)
            except OSError:
                pass  # gone already, or in a directory that is

    def _bind(self, process: str, listener: Listener) -> socket.socket:
        try:
            address = parse_address(listener.bind)
        except ValueError as error:
            raise OSError(str(error)) from error
        if given := self._passed.find(address):
            return given
        bound = self._bind_anew(address, listener, v6_only=self._has_v4_twin(process, address))
        systemd.keep(bound)
        return bound

    def _bind_anew(self, address: Address, listener: Listener, *, v6_only: bool) -> socket.socket:
        try:
            return _bind(address, listener, v6_only=v6_only)
        except OSError as error:
            if error.errno != EADDRINUSE:
                raise OSError(f"cannot listen on {listener.bind}: {error.strerror}") from error
        taken = self._take_back(address)
        if taken is None:
            raise OSError(in_use(listener.bind, address))
        return taken

    def _has_v4_twin(self, process: str, address: Address) -> bool:
        """[::]:80 takes IPv4, too, but where 0.0.0.0:80 is declared beside it: both could not be bound (ipv6(7))."""
        if address.family is not socket.AF_INET6 or address.place[0] != IPV6_ANY:
            return False
        declared = [other.place for other in map(_address, self._declared[process]) if other]
        return (IPV4_ANY, address.place[1]) in declared


def _address(listener: Listener) -> Address | None:
    try:
        return parse_address(listener.bind)
    except ValueError:
        return None


def _bind(address: Address, listener: Listener, *, v6_only: bool) -> socket.socket:
    """Raises OSError. SO_REUSEADDR: closed connections in TIME_WAIT do not hold the port (socket(7))."""
    bound = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        if address.path:
            _bind_unix(bound, address.path, listener)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if v6_only:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind(address.place)
        bound.listen(listener.backlog)
    except OSError:
        bound.close()
        raise
    return bound


def _bind_unix(bound: socket.socket, path: str, listener: Listener) -> None:
    """A file that a dead server left is removed; one on which somebody listens is not. It has its mode and its owner
    before anybody can connect. Raises OSError.
    """
    if _is_left_behind(path):
        os.unlink(path)
    umask = os.umask(0o777 & ~listener.mode)
    try:
        bound.bind(path)
    finally:
        os.umask(umask)
    if listener.user or listener.group:
        _give(path, listener.user, listener.group)


def _give(path: str, user: str, group: str) -> None:
    """Not through a symlink that somebody has put there meanwhile. Raises OSError."""
    try:
        owner = find_owner(user, group)
    except LookupError as error:
        os.unlink(path)
        raise OSError(None, str(error)) from error
    try:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    except OSError:
        os.unlink(path)
        raise


def _is_left_behind(path: str) -> bool:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except OSError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.setblocking(False)  # a backlog that is full answers with EAGAIN instead of having us wait (unix(7))
        try:
            caller.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False  # alive, whether it has room for one more or not
    return False


def in_use(bind: str, address: Address) -> str:
    """`cannot listen on 127.0.0.1:8000: address in use by pid 4121 (gunicorn); stop that process, or ...`."""
    holders = find_holders(address)
    if not holders:
        return f"cannot listen on {bind}: address in use, by whom we may not see; bind to another"
    return f"cannot listen on {bind}: address in use by pid {', '.join(holders)}; stop that process, or bind to another"
