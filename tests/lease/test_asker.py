"""What is asked of a store that hangs."""

from __future__ import annotations

import math
import threading
import time

from procession.lease.asker import LEFT_ALONE_MAX, OPEN_SECONDS, Asker
from procession.lease.contest import Call, Failed, Found


class Hung:
    """Connects, and answers when it is let go."""

    def __init__(self, let_go: threading.Event) -> None:
        self._let_go = let_go
        self.asked = threading.Event()

    def read(self, name: str) -> str | None:
        self.asked.set()
        self._let_go.wait()
        return None

    def exchange(self, name: str, old: str | None, new: str) -> str | None:
        return self.read(name)

    def where(self) -> str:
        return "the database at db"

    def close(self) -> None:
        pass


def test_settings_that_take_long_to_import_are_no_store_that_hangs() -> None:
    imported = threading.Event()

    def open_store() -> Hung:
        imported.wait()
        store = Hung(threading.Event())
        store._let_go.set()
        return store

    asker = Asker("beat", open_store)
    asker.ask(Call(), 0.0)
    assert asker.answer(OPEN_SECONDS - 0.1) is None
    imported.set()
    deadline = time.monotonic() + 60
    while (answer := asker.answer(OPEN_SECONDS - 0.1)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert answer == Found(None)


def test_calls_that_hang_are_given_up_and_of_so_many_the_last_is_waited_for_asleep() -> None:
    """Else whoever sleeps until the call is due would not sleep at all."""
    let_go = threading.Event()
    stores: list[Hung] = []

    def open_store() -> Hung:
        stores.append(Hung(let_go))
        return stores[-1]

    asker = Asker("beat", open_store)
    try:
        for number in range(LEFT_ALONE_MAX):
            asker.ask(Call(), 0.0)
            while len(stores) <= number or not stores[number].asked.wait(60):
                pass
            assert asker.answer(0.0) is None
            assert asker.answer(asker.due() - 0.1) is None
            assert asker.answer(asker.due()) == Failed("the database at db gives no answer within 3 s")
        asker.ask(Call(), 0.0)
        assert asker.due() == math.inf
        assert asker.answer(1000.0) is None
    finally:
        let_go.set()
