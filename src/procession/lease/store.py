"""What a store must be able to do, and which one is meant."""

from __future__ import annotations

from typing import Protocol

DATABASE = "database"
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
LEASE_IN = "PROCESSION_LEASE_IN"  # by environment: a command line can be read by everybody on the host
LEASE_NAME = "PROCESSION_LEASE_NAME"
LEASE_TOKEN = "PROCESSION_LEASE_TOKEN"


class StoreError(Exception):
    """The store cannot be asked: says which one, and what it answered. No secret is in it."""


class Store(Protocol):
    """Texts under names, that survive whoever wrote them. Each call ends within seconds, or raises StoreError."""

    def read(self, name: str) -> str | None:
        """The text under `name`."""

    def exchange(self, name: str, old: str | None, new: str) -> str | None:
        """Put `new` there if `old` is what there is (None: nothing), in one step; the text that is there afterwards."""

    def where(self) -> str:
        """Which one it is, for a person: "redis://cache:6379". No secret is in it."""

    def close(self) -> None:
        """Let go of its connection; the next call opens another."""


def is_known(store: str) -> bool:
    return store == DATABASE or store.startswith(REDIS_SCHEMES)
