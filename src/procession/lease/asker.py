"""Asks a store without waiting for it: a thread of its own makes the call, and a signal says that there is an answer.

A driver may hang longer than any timeout it has been given (a name lookup, a connection that the network forgot). Then
its thread is left to itself, and the next call gets a new one, with a new connection.
"""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue

from procession.lease.contest import Call, Failed, Found
from procession.lease.store import Store, StoreError

ANSWERED = signal.SIGURG  # ignored by default, and used by nobody here
ANSWER_SECONDS = 3.0
OPEN_SECONDS = 30.0  # once, more: a site's settings are imported
LEFT_ALONE_MAX = 8  # hung threads; no more calls until one of them comes back


class Asker:
    """One call at a time. `answer` gives what came, at most once a call. `open_store` is called in the thread."""

    def __init__(self, name: str, open_store: Callable[[], Store]) -> None:
        self._name = name
        self._open_store = open_store
        self._work: SimpleQueue[Call] | None = None
        self._answers: SimpleQueue[tuple[object, Found | Failed]] = SimpleQueue()
        self._left_alone = 0
        self._where = "the store"
        self._is_open = False  # one of the threads has opened a store, or could not
        self._opened_at: float | None = None
        self.call: Call | None = None
        self.sent = 0.0

    def ask(self, call: Call, now: float) -> None:
        self.call, self.sent = call, now
        if self._work is None:
            self._work = SimpleQueue()
            threading.Thread(target=self._serve, args=(self._work,), daemon=True).start()
        self._work.put(call)

    def answer(self, now: float) -> Found | Failed | None:
        """What the store answered to `call`; None: nothing yet."""
        if self._is_open and self._opened_at is None:
            self._opened_at = now
        while not self._answers.empty():
            whose, answer = self._answers.get()
            if whose is self._work:
                self.call = None
                return answer
            self._left_alone -= 1
        if self.call is None or now < self.due():
            return None
        self.call, self._work = None, None
        self._left_alone += 1
        seconds = OPEN_SECONDS if self._opened_at is None else ANSWER_SECONDS
        return Failed(f"{self._where} gives no answer within {seconds:g} s")

    def due(self) -> float:
        """When no answer is an answer: never, while so many threads hang that there may be no other one."""
        if self._left_alone >= LEFT_ALONE_MAX:
            return math.inf
        if self._opened_at is None:
            return self.sent + OPEN_SECONDS
        return max(self.sent, self._opened_at) + ANSWER_SECONDS

    def _serve(self, work: SimpleQueue[Call]) -> None:
        store: Store | None = None
        while work is self._work:
            call = work.get()
            try:
                store = store or self._open()
                answer = self._put(store, call)
            except StoreError as error:
                answer = Failed(str(error))
            self._answers.put((work, answer))
            os.kill(os.getpid(), ANSWERED)

    def _open(self) -> Store:
        try:
            store = self._open_store()
        finally:
            self._is_open = True
            os.kill(os.getpid(), ANSWERED)  # from now on there is less time for an answer
        self._where = store.where()
        return store

    def _put(self, store: Store, call: Call) -> Found | Failed:
        if call.new is None:
            return Found(store.read(self._name))
        return Found(store.exchange(self._name, call.old, call.new))
