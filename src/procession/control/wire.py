"""The words on the control socket: one JSON object a line, both ways, with a version.

A client sends requests, each with an id of its choice:

    {"v": 1, "id": 1, "verb": "restart", "names": ["web"]}

The supervisor answers each, in the order in which they end, with any number of changes and one last line:

    {"id": 1, "change": {"name": "web.1", "phase": "stopping", ...}}     an instance changed meanwhile
    {"id": 1, "done": true, "code": 0, "text": [], "data": {...}}
    {"id": 1, "done": false, "code": 1, "text": ["web.1: crash-looping: exited with 3, early death number 3"]}

Verbs and their fields, besides v, id and verb (names: processes or instances; empty is all):
    status                          data: {"supervisor": {...}, "processes": [...], "instances": [...]}, see core.view
    apply    stack, start           make this stack run; start=true also starts what a person had stopped
    start stop restart roll reload   names   ends when every one of them is ready, or gone, or failed
    scale    counts                 {"worker": 4}
    signal   names, signal          "HUP"
    down                            stop everything in reverse order, then the supervisor ends
    watch                           changes until the client goes away
    upgrade  program                ["python", "-I", "-S", ".../supervisor/__main__.py"]: the supervisor becomes that.
                                    The answer says that it begins; ask the next one for its status. Understood in
                                    every version of the protocol, as is `status`

`wait: false` in a request asks for the answer at once, when the command is accepted.
`by: "operator"` says on whose behalf a program asks, for the history: "operator, through uid 33 (www-data)".
"""

from __future__ import annotations

import json
from collections.abc import Mapping

TYPE_CHECKING = False  # as in typing, which `procession status` need not import
if TYPE_CHECKING:
    from typing import Any

    Message = Mapping[str, Any]
else:
    Message = Mapping

SOCKET_NAME = "control.sock"  # in the stack directory
TERMINALS_NAME = "terminal"  # the folder of the sockets at which `procession attach` finds terminals: web.1.LIFE
STATE_NAME = "state.json"  # there while a supervisor runs; left over when it was cut off
ELSEWHERE = "use another one: --stack-directory DIR or PROCESSION_DIRECTORY"
VERSION = 1
LINE_BYTES_MAX = 16 * 2**20  # a stack of 10,000 processes fits; more is refused, so that no client can fill the memory
BY_CHARACTERS_MAX = 150  # as Django's usernames
VERBS = frozenset(
    {"status", "apply", "start", "stop", "restart", "roll", "reload", "scale", "signal", "down", "watch", "upgrade"}
)
OF_EVERY_VERSION = frozenset({"status", "upgrade"})  # by which a client that speaks another one upgrades us


class WireError(ValueError):
    """The other side said something that is not of this protocol; the text says what."""


def encode(message: Message) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The object on one line. Raises WireError."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:  # nested too deeply
        raise WireError(f"not JSON: {line[:80]!r}") from error
    if not isinstance(message, dict):
        raise WireError(f"not an object: {line[:80]!r}")
    return message


def check_request(message: Message) -> None:
    """Raises WireError for a request of another version, or with an unknown verb."""
    verb = message.get("verb")
    is_of_every_version = isinstance(verb, str) and verb in OF_EVERY_VERSION
    if message.get("v") != VERSION and not is_of_every_version:
        raise WireError(
            f"this supervisor speaks version {VERSION} of the protocol, the client {message.get('v')!r}:"
            " run `procession upgrade`"
        )
    if not isinstance(verb, str) or verb not in VERBS:
        raise WireError(f"unknown verb {verb!r}; known: {', '.join(sorted(VERBS))}")


class Lines:
    """Cuts what a socket brings into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines completed by `data`. Raises WireError when a line grows past LINE_BYTES_MAX."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            raise WireError(f"a line of over {LINE_BYTES_MAX} bytes")
        return [line for line in lines if line]
