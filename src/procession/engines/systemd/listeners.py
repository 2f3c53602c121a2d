"""The socket unit of a process: systemd listens before an instance is there, and after it has gone (systemd.socket(5)).

All instances have the same sockets: Sockets= of their service hands them over (LISTEN_FDS), in the order of the
ListenStream= lines. What the socket unit itself starts is a service that does nothing: were it an instance, then a
visitor would start it past its wait after a crash, and systemd would close the socket for all after 20 such starts
(TriggerLimitBurst=).
"""

from __future__ import annotations

from collections.abc import Iterator

from procession.engines.systemd import names
from procession.engines.systemd.hardening import confinement
from procession.engines.systemd.options import Options
from procession.engines.text.systemd import Entry, Unwritable, systemd_unit, systemd_value
from procession.stack.model import Listener, Process, Stack

UNIX = "unix:"
ANY = ("", "*")
NUMBERS_OF = {"localhost": "127.0.0.1"}


def socket(stack: Stack, process: Process) -> str:
    """Raises Unwritable for an address that systemd cannot take: a host's name."""
    head = [("Description", f"{systemd_value(stack.name)}: what {process.name} listens on")]
    body = [*_addresses(process.listeners), ("Service", names.listener(stack, process))]
    # FreeBind=: an address that the machine gets later is no reason to fail at boot.
    body += [("BindIPv6Only", "ipv6-only"), ("FreeBind", "yes"), ("TriggerLimitIntervalSec", "0")]
    body += [*_file(process)]
    return systemd_unit([("Unit", [*head, ("PartOf", names.target(stack))]), ("Socket", body)])


def listener(stack: Stack, process: Process, options: Options) -> str:
    """The service that does nothing. It goes with its socket, which cannot listen anew while it is there."""
    unit = names.socket(stack, process)
    head = [("Description", f"{systemd_value(stack.name)}: {process.name} is listening"), ("PartOf", unit)]
    body = [("Type", "oneshot"), ("RemainAfterExit", "yes"), ("ExecStart", ":/bin/true")]
    return systemd_unit(
        [
            ("Unit", [*head, ("After", unit)]),
            ("Service", [*body, *confinement(options)]),
        ]
    )


def stream(bind: str) -> str:
    """ "127.0.0.1:8000", ":8000", "unix:/path" for ListenStream=. Raises Unwritable."""
    if bind.startswith(UNIX):
        return systemd_value(bind.removeprefix(UNIX))
    host, _, port = bind.rpartition(":")
    host = "0.0.0.0" if host in ANY else NUMBERS_OF.get(host, host)
    if not (host.startswith("[") or host.replace(".", "").isdecimal()):
        raise Unwritable(f"systemd listens on an address in numbers, not on the name {host}")
    return f"{host}:{port}"


def _addresses(listeners: tuple[Listener, ...]) -> Iterator[Entry]:
    for one in listeners:
        yield "ListenStream", stream(one.bind)
    yield "Backlog", str(max(one.backlog for one in listeners))


def _file(process: Process) -> Iterator[Entry]:
    """Mode and owner of unix sockets: those of a process are all alike."""
    one = next((one for one in process.listeners if one.bind.startswith(UNIX)), None)
    if one is None:
        return
    yield "SocketMode", f"{one.mode:04o}"
    if one.user:
        yield "SocketUser", systemd_value(one.user)
    if one.group:
        yield "SocketGroup", systemd_value(one.group)
    yield "RemoveOnStop", "yes"
