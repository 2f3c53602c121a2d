"""What single settings come to in a real systemd: a low port, a socket's file, a watchdog, a secret, a user's units."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.engines.systemd.options import Options
from procession.engines.systemd.render import directory, render
from procession.stack.model import Kind, Listener, Probe, ProbeType, Process, RestartWhen, Stack, StopStep
from tests.backends.serving import free_port
from tests.console.project import await_true
from tests.engines.systemd.machine import REPOSITORY, Machine, booted, needs_machine

pytestmark = [pytest.mark.slow, pytest.mark.root, needs_machine, pytest.mark.timeout(600)]
PYTHON = "/usr/bin/python3"
USER = "me"
USER_DECLARATION = """
PRODUCTION_STACK = {{"NAME": "feeds", "ENV": {{"PORT": "{port}"}}, "ENGINES": {{"systemd": {{"USER_MODE": True}}}}}}
PRODUCTION_PROCESSES = {{name: PRODUCTION_PROCESSES[name] for name in ("migrate", "static", "web")}}
PRODUCTION_PROCESSES["web"]["ARGS"]["bind"] = "127.0.0.1:{port}"
"""
LOW_PORT = 81  # of the machine's own loopback address: its network is ours
SAY = "import os, socket, sys, time\n"
BIND_LOW = (
    SAY
    + f"""
socket.create_server(("127.77.0.1", {LOW_PORT}))
print("uid", os.getuid(), "listens", flush=True)
time.sleep(1000)
"""
)
SERVE = (
    SAY
    + """
print("listens", flush=True)
while True:
    socket.socket(fileno=3).accept()[0].sendall(b"hello")
"""
)
DRAIN = (
    SAY
    + """
import signal
def tell(words):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(words.encode(), os.environ["PROCESSION_NOTIFY"])
is_over = []
signal.signal(signal.SIGTERM, lambda *_: is_over.append(True))
tell("READY=1")
while not is_over:
    tell("WATCHDOG_USEC=5000000")
    time.sleep(0.1)
tell("WATCHDOG_USEC=5000000")
end = time.monotonic() + 8
while time.monotonic() < end:
    time.sleep(0.1)
print("drained", flush=True)
"""
)
HANG = (
    SAY
    + """
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    sender.sendto(b"READY=1\\nWATCHDOG_USEC=500000", os.environ["PROCESSION_NOTIFY"])
time.sleep(1000)
"""
)
SECRET = (
    SAY
    + """
print(open(os.environ["CREDENTIALS_DIRECTORY"] + "/key").read(), os.environ["SECRET_KEY"], flush=True)
"""
)


def process(name: str, code: str, **fields: object) -> Process:
    values: dict[str, object] = {
        "kind": Kind.PROCESS, "backend": "command", "argv": (PYTHON, "-c", code), "directory": "/srv",
        "user": "www-data", "singleton": True, "readiness": Probe(type=ProbeType.NONE),
        "stop": (StopStep("TERM", 30.0),),
    }  # fmt: skip
    return Process(name=name, **{**values, **fields})  # type: ignore[arg-type]


class Site:
    """A stack of these processes in that machine's systemd, started one by one."""

    def __init__(self, machine: Machine, *processes: Process, options: Options | None = None) -> None:
        self._machine = machine
        chosen = options or Options()
        stack = Stack(name="x", directory="/srv", processes=processes)
        for file in render(stack, chosen).files:
            path = f"{directory(stack, chosen)}/{file.path}"
            machine.write(path, file.marked("x"))
            machine.ok("chmod", f"{file.mode:o}", path)
        machine.ok("systemctl", "daemon-reload")

    def start(self, name: str) -> None:
        self._machine.ok("systemctl", "start", f"x-{name}.service")

    def stop(self, name: str) -> None:
        self._machine.ok("systemctl", "stop", f"x-{name}.service")

    def said(self, name: str) -> str:
        return self._machine.ok("journalctl", "--output=cat", "--no-pager", f"--unit=x-{name}.service")

    def property(self, name: str, which: str) -> str:
        return self._machine.ok("systemctl", "show", "--value", f"--property={which}", f"x-{name}.service").strip()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with booted(tmp_path / "machine") as found:
        yield found


def test_settings_do_what_they_are_for(machine: Machine) -> None:
    beats = Probe(type=ProbeType.HEARTBEAT)
    machine.write("/etc/x-key", "from a file of root's")
    machine.ok("chmod", "600", "/etc/x-key")
    site = Site(
        machine,
        process("low", BIND_LOW, listeners=(Listener(f"127.77.0.1:{LOW_PORT}"),)),
        process(
            "unix",
            SERVE,
            handoff=(PYTHON, "-c", SERVE),
            listeners=(Listener("unix:/run/x/web.sock", mode=0o660, user="www-data", group="www-data"),),
        ),
        process("drain", DRAIN, tells_ready=True, liveness=beats),
        process("hang", HANG, tells_ready=True, liveness=beats, restart=RestartWhen.NEVER),
        process("secret", SECRET, kind=Kind.TASK, restart=RestartWhen.NEVER, environment={"SECRET_KEY": "told"}),
        options=Options(credentials=("key:/etc/x-key",), write_secrets=True),
    )
    a_low_port_is_bound_without_root(machine, site)
    a_socket_has_its_mode_and_owner(machine, site)
    what_drains_is_not_bitten(site)
    what_hangs_leaves_its_traceback(site)
    secrets_are_read_by_root_and_the_process_alone(machine, site)
    a_user_has_units_without_root(machine)


def a_low_port_is_bound_without_root(machine: Machine, site: Site) -> None:
    site.start("low")
    uid = machine.ok("id", "-u", "www-data").strip()
    await_true(lambda: f"uid {uid} listens" in site.said("low"), site.said("low"))
    site.stop("low")


def a_socket_has_its_mode_and_owner(machine: Machine, site: Site) -> None:
    site.start("unix")
    assert machine.ok("stat", "-c", "%a %U %G", "/run/x/web.sock").strip() == "660 www-data www-data"
    code = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/x/web.sock'); print(s.recv(9))"
    assert machine.ok(PYTHON, "-c", code).strip() == "b'hello'"
    machine.ok("systemctl", "stop", "x-unix.socket", "x-unix.service")
    assert machine.run("test", "-e", "/run/x/web.sock").returncode == 1


def what_drains_is_not_bitten(site: Site) -> None:
    """Its last beat comes after the stop has begun, and it takes longer than its watchdog allows."""
    site.start("drain")
    site.stop("drain")
    assert "drained" in site.said("drain")
    assert site.property("drain", "Result") == "success"


def what_hangs_leaves_its_traceback(site: Site) -> None:
    site.start("hang")
    await_true(lambda: site.property("hang", "Result") == "watchdog", "its watchdog bites")
    assert "most recent call first" in site.said("hang")


def secrets_are_read_by_root_and_the_process_alone(machine: Machine, site: Site) -> None:
    site.start("secret")
    assert "from a file of root's told" in site.said("secret")
    assert machine.ok("stat", "-c", "%a %U", "/etc/systemd/system/x-secret.env").strip() == "600 root"
    assert machine.run("grep", "-r", "told", "/etc/systemd/system/x-secret.service").returncode == 1


def a_user_has_units_without_root(machine: Machine) -> None:
    machine.ok("useradd", "--create-home", USER)
    machine.ok("loginctl", "enable-linger", USER)
    uid = machine.ok("id", "-u", USER).strip()
    machine.ok("systemctl", "start", f"user@{uid}.service")
    home, port = f"/home/{USER}", free_port()
    machine.ok("cp", "-r", str(REPOSITORY / "examples/feedreader"), f"{home}/site")
    settings = (REPOSITORY / "examples/feedreader/feedreader/settings.py").read_text()
    machine.write(f"{home}/site/feedreader/settings.py", settings + USER_DECLARATION.format(port=port))
    machine.ok("chown", "-R", f"{USER}:{USER}", home)
    become = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups")
    environment = ("env", f"--chdir={home}/site", f"HOME={home}", f"XDG_RUNTIME_DIR=/run/user/{uid}")

    def procession(*words: str) -> str:
        return machine.ok(*become, *environment, sys.executable, "-m", "procession", *words)

    procession("apply", "--engine", "systemd")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as response:
        assert response.status == 200
    procession("roll", "web")
    assert "Started feeds-web@1.service" in procession("events", "web")
    assert "Listening at" in procession("logs", "web", "-n", "all")
    procession("down")
    units = machine.ok(*become, *environment, "systemctl", "--user", "list-units", "--all", "--no-legend", "feeds*")
    assert units == ""
