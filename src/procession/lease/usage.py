"""The command line of a lease: `--name N [--in STORE] [--once [--try SECONDS]] -- PROGRAM ...`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from procession.lease.holder import TRY_SECONDS
from procession.lease.store import LEASE_IN, LEASE_NAME

EXIT_USAGE = 2
USAGE = "usage: lease --name NAME [--in redis://HOST:PORT/N | --in database] [--once [--try SECONDS]] -- PROGRAM ..."
VALUES = ("--name", "--in", "--project", "--try")
NAME_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`is_task`: the program runs to its end even if the lease is lost meanwhile (--once). Somebody waits for that, so
    it is given up after `try_seconds` if the store cannot be asked; None, for what is no task: never.

    `project` is the directory of manage.py, whose settings name the database.
    """

    name: str
    store: str
    argv: tuple[str, ...]
    is_task: bool = False
    try_seconds: float | None = None
    project: str = ""

    def tell_child(self) -> None:
        """Let the program know under which name, and where, it can ask whether the lease still is its own."""
        os.environ[LEASE_NAME] = self.name
        os.environ[LEASE_IN] = self.store


def read_arguments(words: Sequence[str]) -> Wanted | str:
    """What is wanted, or what is wrong with it. Without --in, the store is what PROCESSION_LEASE_IN says."""
    options = list(words[: words.index("--")]) if "--" in words else list(words)
    argv = tuple(words[len(options) + 1 :])
    said: dict[str, str] = {}
    is_task = False
    while options:
        option = options.pop(0)
        if option == "--once":
            is_task = True
        elif option in VALUES and options:
            said[option] = options.pop(0)
        else:
            return f"{option!r} is not understood; {USAGE}"
    store = said.get("--in") or os.environ.get(LEASE_IN, "")
    if not argv or not said.get("--name") or not store:
        return USAGE
    if len(said["--name"]) > NAME_CHARACTERS_MAX:
        return f"a name has at most {NAME_CHARACTERS_MAX} characters"
    try:
        try_seconds = float(said.get("--try", TRY_SECONDS))
    except ValueError:
        return f"--try must be a number of seconds, got {said['--try']!r}"
    return Wanted(
        name=said["--name"],
        store=store,
        argv=argv,
        is_task=is_task,
        try_seconds=try_seconds if is_task else None,
        project=said.get("--project", ""),
    )
