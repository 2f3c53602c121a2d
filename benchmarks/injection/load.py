"""Clients that ask a web server again and again while something is done to it: a process of its own.

`load.py HOST PORT CLIENTS` asks until its standard input ends, then prints JSON: requests, failed, slowest_seconds.
"""

import json
import socket
import sys
import threading
import time

TIMEOUT_SECONDS = 10.0
PAUSE_SECONDS = 0.005  # between two requests of one client, so that the clients do not starve the server


def ask(address: tuple[str, int]) -> None:
    """One request on a connection of its own. Raises OSError."""
    with socket.create_connection(address, timeout=TIMEOUT_SECONDS) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: caller.recv(4096), b""))
    if not answer.endswith(b"hello"):
        raise OSError(f"an answer cut short: {answer!r}")


def ask_on(address: tuple[str, int], taken: list[float], failed: list[str], is_over: threading.Event) -> None:
    """Until it is over: the seconds of each request that went well, the reason of each that did not."""
    while not is_over.is_set():
        began = time.monotonic()
        try:
            ask(address)
            taken.append(time.monotonic() - began)
        except OSError as error:
            failed.append(repr(error))
        time.sleep(PAUSE_SECONDS)


def main(host: str, port: str, clients: str) -> None:
    """Lists are appended to by all threads: one append is one step."""
    taken: list[float] = []
    failed: list[str] = []
    is_over = threading.Event()
    work = ((host, int(port)), taken, failed, is_over)
    threads = [threading.Thread(target=ask_on, args=work) for _ in range(int(clients))]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    is_over.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"requests": len(taken) + len(failed), "failed": len(failed), "slowest_seconds": max(taken)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
