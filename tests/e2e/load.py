"""Clients that ask a site again and again over HTTP/1.1, half of them on kept connections; and what they saw."""

from __future__ import annotations

import http.client
import select
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple

CLIENTS = 16
WITHIN_SECONDS = 60.0  # only ever fails a test


class Asked(NamedTuple):
    """One request: when it began (monotonic), how long it took, what went wrong ("": nothing), and the answer."""

    at: float
    seconds: float
    failure: str
    body: str
    keeps: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of some requests."""

    requests: int
    lost_kept: int  # on a connection that the client keeps
    lost_new: int  # on one of its own
    slowest_seconds: float

    @property
    def lost(self) -> int:
        return self.lost_kept + self.lost_new

    def __str__(self) -> str:
        lost = f"{self.lost} lost ({self.lost_kept} kept, {self.lost_new} new connections)"
        return f"{self.requests} requests, {lost}, slowest {self.slowest_seconds * 1000:.0f} ms"


class Load:
    """CLIENTS at work between `with` and its end; each asks for `path` as soon as it has an answer."""

    def __init__(self, port: int, path: str = "/", clients: int = CLIENTS) -> None:
        self.asked: list[Asked] = []  # list.append is atomic
        self._port = port
        self._path = path
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, args=(bool(number % 2),)) for number in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def go_on(self, requests: int) -> None:
        """Wait until so many more have been answered, well or not."""
        until, deadline = len(self.asked) + requests, time.monotonic() + WITHIN_SECONDS
        while len(self.asked) < until:
            assert time.monotonic() < deadline, "nobody answers"
            select.select([], [], [], 0.01)

    def failures(self) -> list[str]:
        return [one.failure for one in list(self.asked) if one.failure]

    def bodies(self, since: float = 0.0) -> set[str]:
        """What was answered to the requests that began since then."""
        return {one.body for one in list(self.asked) if one.at >= since and not one.failure}

    def figures(self, since: float = 0.0, before: float = float("inf")) -> Figures:
        """Of the requests that ended since then, and began before the other time."""
        chosen = [one for one in list(self.asked) if one.at + one.seconds >= since and one.at < before]
        lost = [one.keeps for one in chosen if one.failure]
        return Figures(
            len(chosen), lost.count(True), lost.count(False), max((one.seconds for one in chosen), default=0)
        )

    def _ask_on(self, keeps: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=WITHIN_SECONDS)
        while not self._is_over.is_set():
            began, body, failure = time.monotonic(), "", ""
            try:
                body = self._ask(connection, keeps)
            except (http.client.HTTPException, OSError) as error:
                failure = repr(error)
            if failure or not keeps:
                connection.close()
            self.asked.append(Asked(began, time.monotonic() - began, failure, body, keeps))
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, keeps: bool) -> str:
        connection.request("GET", self._path, headers={} if keeps else {"Connection": "close"})
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise http.client.HTTPException(f"status {answer.status}: {body[:80]}")
        return body
