"""granian on the socket that is fd 3: its own command line, less the binding.

`python -m procession.backends.programs.granian [granian's options] MODULE:APP`

granian (2.8) has no option for an inherited fd; its server makes its socket in one method, which is replaced here.
"""

from __future__ import annotations

import socket

from granian import cli
from granian.net import SocketHolder
from granian.server.mp import MPServer

FIRST_FD = 3  # sd_listen_fds(3)


class InheritingServer(MPServer):  # type: ignore[misc]
    """granian's server of worker processes. They share the one socket, as they do with granian's own unix sockets."""

    def _init_shared_socket(self) -> None:
        shared = socket.socket(fileno=FIRST_FD)
        shared.set_inheritable(True)
        self._ssp = None
        self._sso = shared
        self._shd = SocketHolder(FIRST_FD, shared.family == socket.AF_UNIX, self.backlog)
        self._sfd = FIRST_FD


if __name__ == "__main__":
    cli.Server = InheritingServer
    cli.entrypoint()
