"""Backend classes of django-prodserver's kind, as sites wrote them for it."""

from __future__ import annotations

import sys
from pathlib import Path


class Own:
    """The contract alone, with a key of its own (OUT): writes what it was given."""

    def __init__(self, *, ARGS: dict[str, str], OUT: str, **_config: object) -> None:  # noqa: N803 (the contract)
        self.args = [f"--{name}={value}" for name, value in ARGS.items()]
        self.out = OUT

    def prep_server_args(self) -> list[str]:
        return ["first", *self.args]

    def start_server(self, *args: str) -> None:
        Path(self.out).write_text(" ".join([*sys.argv, *args]))
