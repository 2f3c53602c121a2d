"""The real supervisor in a directory of its own, and the talk with it."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from procession.control import wire
from procession.stack.codec import to_data
from procession.stack.model import Backoff, Kind, Probe, ProbeType, Process, Stack, StopStep
from procession.supervisor import __main__ as supervisor_main
from tests.supervisor.programs import DEADLINE_SECONDS, is_alive, until

NO_PROBE = Probe(type=ProbeType.NONE)
QUICK = Backoff(first_seconds=0.01, steady_seconds=0.0)  # what runs was steady: every start comes at once
Answer = Mapping[str, Any]


def process(name: str, argv: tuple[str, ...], **fields: Any) -> Process:
    """A process with what most tests want, where `fields` say nothing else."""
    defaults: dict[str, Any] = {
        "kind": Kind.PROCESS, "backend": "command", "directory": "/", "readiness": NO_PROBE, "backoff": QUICK,
        "stop": (StopStep("TERM", 5.0),),
    }  # fmt: skip
    return Process(name=name, argv=argv, **(defaults | fields))


class Client:
    """One connection to the control socket."""

    def __init__(self, directory: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(str(directory / "control.sock"))
        except OSError:
            self.socket.close()
            raise
        self.socket.settimeout(DEADLINE_SECONDS)
        self.pid = int.from_bytes(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)
        self._lines = wire.Lines()
        self._read: list[wire.Message] = []
        self._id = 0

    def close(self) -> None:
        self.socket.close()

    def ask(self, verb: str, fields: Mapping[str, Any] | None = None) -> int:
        self._id += 1
        self.socket.sendall(wire.encode({"v": 1, "id": self._id, "verb": verb, **(fields or {})}))
        return self._id

    def next(self) -> wire.Message:
        """The next line. Raises EOFError at the end of the connection."""
        while not self._read:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self._read += [wire.decode(line) for line in self._lines.feed(data)]
        return self._read.pop(0)

    def answer(self, number: int) -> Answer:
        """The last line to that request; changes are passed over."""
        while True:
            message = self.next()
            if message.get("id") == number and "done" in message:
                return message

    def call(self, verb: str, fields: Mapping[str, Any] | None = None) -> Answer:
        return self.answer(self.ask(verb, fields))


class Site:
    """One stack directory. `start` starts its supervisor; whatever happens in a test, `end` leaves nothing behind."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.processes: tuple[Process, ...] = ()
        self.started: list[subprocess.Popen[bytes]] = []
        self.last_words = b""

    def start(
        self,
        *more: str,
        environment: Mapping[str, str] | None = None,
        through: tuple[str, ...] = (),
        fds: tuple[int, ...] = (),
    ) -> dict[str, Any]:
        """Start the supervisor, `through` a program that execs it if one is given, which finds these fds open; what it
        says on its ready fd.
        """
        reading, writing = os.pipe()
        argv = [*through, sys.executable, "-I", "-S", supervisor_main.__file__, "--directory", str(self.directory)]
        errors = open(self.directory.parent / "errors", "wb")
        self.started.append(
            subprocess.Popen(
                [*argv, "--ready-fd", str(writing), *more],
                pass_fds=(writing, *fds), stdin=subprocess.DEVNULL, stderr=errors,
                env={**os.environ, **(environment or {})},
            )
        )  # fmt: skip
        errors.close()
        os.close(writing)
        said = b"".join(iter(lambda: os.read(reading, 4096), b""))
        os.close(reading)
        assert said, (self.directory.parent / "errors").read_text()
        return dict(json.loads(said))

    @property
    def popen(self) -> subprocess.Popen[bytes]:
        return self.started[-1]

    def call(self, verb: str, fields: Mapping[str, Any] | None = None) -> Answer:
        client = self.connect()
        try:
            return client.call(verb, fields)
        finally:
            client.close()

    def connect(self) -> Client:
        """A client, as soon as there is a supervisor."""
        found: list[Client] = []

        def connected() -> bool:
            try:
                found.append(Client(self.directory))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            return True

        until(connected, "no supervisor answers")
        return found[0]

    def up(self, *processes: Process) -> Answer:
        """Start the supervisor if it is not there, and make it run these."""
        if not self.started:
            self.start()
        self.processes = processes
        return self.call("apply", {"stack": to_data(self.stack()), "start": True})

    def begin(self, *processes: Process) -> None:
        """Start the supervisor, and tell it to run these, without waiting until they do."""
        self.start()
        self.processes = processes
        assert self.call("apply", {"stack": to_data(self.stack()), "wait": False})["done"]

    def stack(self) -> Stack:
        return Stack(name="test", directory="/", processes=self.processes)

    def status(self) -> Mapping[str, Any]:
        return dict(self.call("status")["data"])

    def instance(self, name: str) -> Mapping[str, Any]:
        return next(one for one in self.status()["instances"] if one["name"] == name)

    def await_phase(self, name: str, *phases: str) -> Mapping[str, Any]:
        """Wait until the instance is in one of these phases, without asking again and again: it is told (`watch`)."""
        client = self.connect()
        try:
            client.ask("watch")
            view = next(one for one in client.call("status")["data"]["instances"] if one["name"] == name)
            while view["phase"] not in phases:
                message = client.next()
                if message.get("change", {}).get("name") == name:
                    view = message["change"]
            return dict(view)
        finally:
            client.close()

    def await_saved(self, instance: str) -> None:
        """Wait until it is written down which process this instance is."""
        state = self.directory / "state.json"
        until(lambda: instance in [live["name"] for live in json.loads(state.read_text())["live"]])

    def log(self, instance: str) -> str:
        """The lines in its log, without their times."""
        path = self.directory / "log" / f"{instance}.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return "\n".join(line.partition(" ")[2] for line in lines)

    def down(self) -> Answer:
        """Take everything down; the supervisor has ended afterwards."""
        client = self.connect()
        try:
            answer = client.call("down")
            wait_for_end(client.pid)
        finally:
            client.close()
        return answer

    def end(self) -> None:
        """After a test: take down what is still there."""
        if (self.directory / "control.sock").exists() and _is_locked(self.directory / "supervisor.lock"):
            self.down()
        for popen in self.started:
            popen.wait(DEADLINE_SECONDS)

    def is_supervised(self) -> bool:
        return _is_locked(self.directory / "supervisor.lock")

    def is_recorded(self) -> bool:
        return _is_locked(self.directory / "recorder.lock")


def wait_for_end(pid: int) -> None:
    """Wait until the process with this pid has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if is_alive(pid):
            ready, _, _ = select.select([pidfd], [], [], DEADLINE_SECONDS)
            assert ready, f"{pid} has not ended"
    finally:
        os.close(pidfd)


def _is_locked(path: Path) -> bool:
    import fcntl

    if not path.exists():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def milliseconds_since(began: float) -> float:
    return (time.monotonic() - began) * 1000
