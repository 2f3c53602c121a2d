"""A server that sleeps until it is asked, and ends at once when it is told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys
from socketserver import StreamRequestHandler, TCPServer
from procession.serving import serve_until

class Answer(StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"hello")

server = TCPServer(("127.0.0.1", 0), Answer)
print(server.server_address[1], flush=True)
serve_until(server, signal.SIGINT, signal.SIGTERM)
print("over", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_a_signal_that_comes_right_behind_a_request(number: signal.Signals) -> None:
    """Again and again: the moment in which one could be lost is short."""
    for _ in range(20):
        with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            with socket.create_connection(("127.0.0.1", int(program.stdout.readline()))) as client:
                assert client.recv(5) == b"hello"
                os.kill(program.pid, number)
            said, _ = program.communicate(timeout=60)
            assert (program.returncode, said) == (0, "over\n")
