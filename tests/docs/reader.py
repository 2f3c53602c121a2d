"""Somebody who does what a page says, word for word, in a folder of his own, and sees whether what it shows is printed.

What is shown and what is printed are the same if they differ only in numbers, times and the width of columns. Each
shown line must be printed, in any order: two processes that start at once may be ready in either. `...` stands for
what is left out: lines, or the end of one.

A page is about a machine of its reader's: /srv/mysite, port 8000, mysite.example. His `words` say what these are here.
"""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from procession.stack.model import Backoff
from tests.docs.page import INTERRUPT, Block, Typed

DEADLINE_SECONDS = 60.0  # only ever fails a test
ASK_AGAIN_SECONDS = 0.2
HOME = "/home/me"  # the reader's, on the pages
PORT = "8000"  # on the pages
LOOKING = (  # what may be shown a moment later
    "procession status", "procession logs", "procession events", "supervisorctl status", "curl",
)  # fmt: skip
INSTALLING = ("python3 -m venv", ". .venv/bin/activate", "pip install", "pip uninstall")
BECOMING = "sudo -iu "
GOES_ON = re.compile(r"procession (up|dev|supervise|dashboard|top)( (?!.*-d\b).*)?|.* (-f|--follow|--watch)")
VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\(uid \d+ \(\w+\)\)"), "WHO"),
    (re.compile(r"\d+(\.\d+)? (ms|s|min|h|B|kB|MB|GB)\b"), "AMOUNT"),
    (re.compile(r"\d+([.:,]\d+)*"), "NUMBER"),
    (re.compile(r"ForkPoolWorker-NUMBER"), "WORKER"),
    (re.compile(r"\s+"), " "),
)


class Reader:
    """`home` is an empty folder, `port` a free one of his; `variables` go on top of our environment."""

    def __init__(
        self,
        home: Path,
        port: int,
        variables: Mapping[str, str],
        *,
        installs: bool,
        words: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.home = home
        self.directory = home
        self._words = [*words, (PORT, str(port))]
        self._port = str(port)
        self._user = ""  # whose shell it is, if not ours: sudo -iu USER
        self._installs = installs
        own = {key: value for key, value in os.environ.items() if not key.startswith(("PROCESSION_", "DJANGO_"))}
        self._environment = {**own, "HOME": str(home), "COLUMNS": "120", "LANG": "C.UTF-8", **variables}

    def add_words(self, *words: tuple[str, str]) -> None:
        """They come before what was there."""
        self._words = [*words, *self._words]

    def follow(self, block: Block) -> None:
        """Do what this block says. Raises AssertionError where it does not go as it is written."""
        if block.reason:
            return
        if block.title:
            self._write(block)
        elif block.language == "console":
            self._read_slowly(block)
            for typed in block.commands():
                self._type(typed, block)
        elif block.language == "python" and not self._is_written(block):
            raise AssertionError(f"{block.place}: no file has this, in {self.directory}")

    def _write(self, block: Block) -> None:
        path = self.directory / self._here(block.title)
        before = f"{path.read_text().rstrip()}\n\n\n" if path.exists() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(before + self._here(block.text))
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)

    def _here(self, text: str) -> str:
        """What the page says, in the words of this machine."""
        return _replaced(text, self._words)

    def _there(self, text: str) -> str:
        pairs = [(here, there) for there, here in self._words if here]
        return _replaced(text, [*pairs, (str(self.home), HOME)])

    def _is_written(self, block: Block) -> bool:
        return any(_alike(block.text) in _alike(file.read_text()) for file in self._files())

    def _files(self) -> list[Path]:
        return [file for file in self.directory.glob("*/*.py") if ".venv" not in file.parts]

    def _type(self, typed: Typed, block: Block) -> None:
        command = self._here(typed.command)
        if command.startswith("cd "):
            self.directory = Path(os.path.normpath(self.directory / self._expanded(command[3:])))
            self._environment["PWD"] = str(self.directory)  # a shell goes by names, not by what symlinks lead to
        elif command.startswith(BECOMING):
            self._user = command.removeprefix(BECOMING)
        elif command == "exit":
            self._user = ""
        elif command.startswith(INSTALLING):
            self._install(command, block)
        elif INTERRUPT in typed.shown or GOES_ON.fullmatch(command):
            self._run_and_interrupt(command, typed, block)
        else:
            self._run(command, typed, block)
            self._move_port()

    def _move_port(self) -> None:
        """What was written for us (`procession init`) is for the port of the pages; ours may be another."""
        for file in self._files():
            if PORT in (text := file.read_text()):
                file.write_text(text.replace(PORT, self._port))

    def _read_slowly(self, block: Block) -> None:
        """A person has read for some seconds before he kills anything: by then all is steady, and starts at once."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while "KILL" in block.text and not self._is_steady():
            assert time.monotonic() < deadline, f"{block.place}: not all is ready"
            select.select([], [], [], ASK_AGAIN_SECONDS)

    def _is_steady(self) -> bool:
        views = json.loads(self._said("procession status --json"))["instances"]
        return all(view["phase"] == "done" or view["since_seconds"] > Backoff().steady_seconds for view in views)

    def _expanded(self, word: str) -> str:
        return word.replace("~", str(self.home)).replace("$HOME", str(self.home))

    def _install(self, command: str, block: Block) -> None:
        """Or, where the environment of the tests has it all, only see that the words make sense."""
        if self._installs and command.startswith("."):
            bin_directory = self.directory / ".venv/bin"
            self._environment["PATH"] = f"{bin_directory}:{self._environment['PATH']}"
        elif self._installs:
            self._run(command, Typed(command, ()), block)
        for word in shlex.split(command):
            if "/" in word and not word.startswith("."):
                assert Path(self._expanded(word).partition("[")[0]).exists(), f"{block.place}: {word}"

    def _run(self, command: str, typed: Typed, block: Block) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while missing := self._missing(typed.shown, said := self._said(command)):
            late = time.monotonic() > deadline or not command.startswith(LOOKING)
            assert not late, f"{block.place}: {command}\nis not said: {missing[0]}\nbut:\n{said}"
            select.select([], [], [], ASK_AGAIN_SECONDS)

    def _said(self, command: str) -> str:
        if command.startswith("curl"):
            return _asked(command.split()[-1], is_head="--head" in command)
        child = subprocess.run(
            self._shell(command), cwd=self.directory, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10 * DEADLINE_SECONDS, check=False,
        )  # fmt: skip
        # A page may show a mistake; and what a status shows is looked at, not whether all is well by then.
        is_meant = "error:" in child.stdout or command.startswith("procession status")
        assert is_meant or not child.returncode, f"{command}\nends with {child.returncode}:\n{child.stdout}"
        return child.stdout

    def _shell(self, command: str) -> Sequence[str]:
        user = ("runuser", "-u", self._user, "--") if self._user else ()
        return [*user, "bash", "-c", command]

    def _run_and_interrupt(self, command: str, typed: Typed, block: Block) -> None:
        """Press Ctrl-C as soon as all is said that stands before it."""
        child = subprocess.Popen(
            self._shell(f"exec {command}"), cwd=self.directory, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert child.stdout is not None
        said, deadline = "", time.monotonic() + 2 * DEADLINE_SECONDS
        is_interrupted = False
        with child:
            while data := _read(child.stdout.fileno(), deadline):
                said += data.decode(errors="replace")
                if not is_interrupted and not self._missing(typed.before_interrupt, said):
                    is_interrupted = True
                    child.send_signal(signal.SIGINT)
            if not is_interrupted:
                child.kill()
        assert is_interrupted, f"{block.place}: {command}\nis not said: {typed.before_interrupt}\nbut:\n{said}"
        missing = self._missing([line for line in typed.shown if line != INTERRUPT], said)
        assert not missing, f"{block.place}: {command}\nis not said: {missing[0]}\nbut:\n{said}"

    def _missing(self, shown: Sequence[str], said: str) -> list[str]:
        printed = {_alike(self._there(line)) for line in said.splitlines()}
        wanted = [line for line in shown if line.strip() not in ("", "...")]
        return [line for line in wanted if not _is_among(_alike(line), printed)]


def _asked(url: str, *, is_head: bool) -> str:
    """What curl prints of that page, whoever has signed its certificate."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS, context=anybody) as answer:
            return f"HTTP/1.1 {answer.status} {answer.reason}\n" if is_head else str(answer.read().decode())
    except OSError as error:
        return f"curl: {error}\n"


def _replaced(text: str, pairs: Sequence[tuple[str, str]]) -> str:
    """All of them at once: what one has put there is not looked at by the next. The first that fits wins."""
    found = re.compile("|".join(re.escape(before) for before, _ in pairs))
    return found.sub(lambda match: dict(pairs)[match[0]], text)


def _is_among(shown: str, printed: set[str]) -> bool:
    if shown.endswith("..."):
        return any(line.startswith(shown.removesuffix("...")) for line in printed)
    return shown in printed


def _alike(text: str) -> str:
    """The text without what differs from one time to another."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text.strip()


def _read(fd: int, deadline: float) -> bytes:
    ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
    return os.read(fd, 65536) if ready else b""
