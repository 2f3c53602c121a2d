"""Run one command of another tool to its end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended. `status` is its exit code, minus a signal; 127 when there is no such program.

    Where its output went straight to the terminal, `stdout` and `stderr` are empty.
    """

    status: int
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0

    @property
    def is_well(self) -> bool:
        return self.status == 0

    def last_words(self) -> str:
        """The last line that it said, of its complaints if there are any."""
        said = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return said[-1].strip() if said else f"exit code {self.status}"


NO_SUCH_PROGRAM = 127


def run(
    argv: Sequence[str],
    *,
    given: str = "",
    shown: bool = False,
    joined: bool = False,
    directory: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Done:
    """Run it and wait. `given` is its standard input; `shown`: its output goes where ours goes, not into the result;
    `joined`: its stderr goes where its stdout goes.
    """
    began = monotonic()
    try:
        done = subprocess.run(
            argv, input=given, stdout=None if shown else subprocess.PIPE, stderr=_stderr(shown, joined), text=True,
            check=False, cwd=directory, env=environment, errors="replace",
        )  # fmt: skip
    except FileNotFoundError:
        return Done(NO_SUCH_PROGRAM, stderr=f"there is no program {argv[0]}")
    return Done(done.returncode, done.stdout or "", done.stderr or "", monotonic() - began)


def _stderr(shown: bool, joined: bool) -> int | None:
    if joined:
        return subprocess.STDOUT
    return None if shown else subprocess.PIPE


def read_along(
    argv: Sequence[str],
    read: Callable[[Iterable[str]], None],
    *,
    joined: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Done:
    """Run it, and have its output read while it comes, line by line; bytes that are no UTF-8 come as surrogates.
    `joined`: what it says on stderr, too.

    Ctrl-C ends it, and is no failure: it is how one ends what follows a log.
    """
    try:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=_stderr(False, joined), text=True,
            errors="surrogateescape", env=environment,
        )  # fmt: skip
    except FileNotFoundError:
        return Done(NO_SUCH_PROGRAM, stderr=f"there is no program {argv[0]}")
    with child:
        assert child.stdout is not None
        try:
            read(child.stdout)
        except KeyboardInterrupt:
            child.terminate()
            return Done(0)
        complaints = child.stderr.read() if child.stderr else ""
    return Done(child.returncode, stderr=complaints)
