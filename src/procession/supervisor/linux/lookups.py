"""A probe of an address with a host's name in it: a child looks the name up, then it is an attempt as any."""

from __future__ import annotations

from socket import AddressFamily

from procession.loop import Loop
from procession.stack.model import Probe
from procession.supervisor.linux.addresses import Address, look_up
from procession.supervisor.linux.attempts import Call, Judge, describe
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.inquiries import Inquiry


class NamedCall:
    """Looks up `where` ("db:5432"), then calls there; tells `judge`, unless it is ended before."""

    __slots__ = ("_call", "_inquiry", "_judge", "_loop", "_probe", "_where", "where")

    def __init__(self, loop: Loop, children: Children, probe: Probe, where: str, judge: Judge) -> None:
        self._loop = loop
        self._probe = probe
        self._where = where
        self._judge = judge
        self._inquiry = Inquiry(loop, children, lambda: _ask(where), self._answered)
        self._call: Call | None = None
        self.where = describe(probe, where)

    @property
    def is_over(self) -> bool:
        return self._inquiry.is_over

    def begin(self) -> None:
        self._inquiry.begin()

    def end(self) -> None:
        self._inquiry.end()
        if self._call is not None:
            self._call.end()

    def _answered(self, text: str) -> None:
        family, _, rest = text.partition(" ")
        port, _, host = rest.partition(" ")
        if not family.isdigit():
            self._judge(False, text or f"{self._where}: who looked it up died")
            return
        address = Address(AddressFamily(int(family)), (host, int(port)))
        try:
            self._call = Call(self._loop, self._probe, address, self._where, self._judge)
        except OSError as error:
            self._judge(False, f"{self.where}: {(error.strerror or '').lower()}")
            return
        self._call.begin()


def _ask(where: str) -> str:
    """In the child: "2 5432 10.0.0.7", or why not, which never begins with a number."""
    try:
        address = look_up(where)
    except ValueError as error:
        return f"cannot be asked: {error}"
    assert not isinstance(address.place, str), "a name is looked up for a port"
    host, port = address.place
    return f"{int(address.family)} {port} {host}"
