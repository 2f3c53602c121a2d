"""The control socket: who may talk, what is refused, and that no client can hold up another."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import sqlite3
import stat
from pathlib import Path

import pytest

from procession.stack.codec import to_data
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process

STEADY = 'say("ready")\nstay()\n'


def test_the_directory_and_the_socket_are_ours_alone(site: Site) -> None:
    site.start()
    assert stat.S_IMODE(site.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((site.directory / "control.sock").stat().st_mode) == 0o600
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in site.directory.iterdir())


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"nonsense\n", "not JSON: b'nonsense'"),
        (b"[1]\n", "not an object: b'[1]'"),
        (b'{"v": 2, "id": 1, "verb": "stop"}\n', "this supervisor speaks version 1 of the protocol, the client 2: "),
        (b'{"v": 1, "id": 1, "verb": "stop", "names": "web"}\n', "names: expected a list of names, got 'web'"),
        (b'{"v": 1, "id": 1, "verb": "scale", "counts": {"web": "2"}}\n', "counts: expected process names with "),
        (b'{"v": 1, "id": 1, "verb": "apply", "stack": {"name": 1}}\n', "stack: "),
        (b'{"v": 1, "id": 1, "verb": "stop", "by": "operator\\u001b[2J"}\n', "by: expected a name of at most 150 "),
        (b'{"v": 1, "id": 1, "verb": "stop", "by": 7}\n', "by: expected a name of at most 150 "),
        (b'{"v": 1, "id": {}, "verb": "status"}\n', "id: expected a number or a text, got {}"),
        (b'{"v": 1, "id": 1, "verb": "dance"}\n', "unknown verb 'dance'; known: "),
        (b'{"v": 1, "id": 1, "verb": ["stop"]}\n', "unknown verb ['stop']; known: "),
        (b'{"v": 1, "id": 1, "verb": "apply", "stack": {"name": "x", "directory": "/", "processes": 7}}\n', "stack: "),
        (b"[" * 100_000 + b"\n", "not JSON: b'[[[["),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_connection_goes_on(site: Site, line: bytes, text: str) -> None:
    site.start()
    client = site.connect()
    client.socket.sendall(line)
    answer = client.next()
    assert (answer["done"], answer["code"]) == (False, 2)
    assert answer["text"][0].startswith(text)
    assert client.call("status")["done"]
    client.close()


def test_changes_are_told_while_an_operation_runs(site: Site, stage: Stage) -> None:
    site.start()
    client = site.connect()
    site.processes = (process("web", stage.program(STEADY)),)
    number = client.ask("apply", {"stack": to_data(site.stack())})
    phases = []
    while "done" not in (message := client.next()):
        assert message["id"] == number
        phases.append(message["change"]["phase"])
    assert phases[-1] == "ready"
    assert "starting" in phases
    client.close()


def test_a_client_that_goes_away_cancels_nothing(site: Site, stage: Stage) -> None:
    site.start()
    client = site.connect()
    site.processes = (process("web", stage.program(STEADY), replicas=5),)
    client.ask("apply", {"stack": to_data(site.stack())})
    client.close()
    stage.hear_all("ready", 5)
    until(lambda: all(one["phase"] == "ready" for one in site.status()["instances"]))


def test_a_client_that_does_not_read_holds_up_nobody(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY), replicas=20))
    stage.hear_all("ready", 20)
    deaf = site.connect()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):  # its answers pile up, until it is cut off
        send_without_end(deaf.socket, b'{"v": 1, "id": 1, "verb": "status"}\n' * 100)
    deaf.close()
    assert len(site.status()["instances"]) == 20


def send_without_end(to: socket.socket, data: bytes) -> None:
    while True:
        to.sendall(data)


def test_a_request_without_end_is_cut_off(site: Site) -> None:
    site.start()
    client = site.connect()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        send_without_end(client.socket, b"x" * 65536)
    client.close()
    assert site.status()["instances"] == []


def test_too_many_clients_are_turned_away(site: Site) -> None:
    site.start()
    clients = [site.connect() for _ in range(128)]
    one_more = site.connect()
    answer = one_more.next()
    assert (answer["done"], answer["code"]) == (False, 4)
    assert answer["text"] == ["128 clients are connected already; try again later"]
    assert clients[0].call("status")["done"]
    for client in [*clients, one_more]:
        client.close()


@pytest.mark.root
def test_another_user_is_not_obeyed(site: Site) -> None:
    site.start()
    site.directory.chmod(0o711)
    (site.directory / "control.sock").chmod(0o666)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.chdir(site.directory)  # it could not get there afterwards
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as caller:
                caller.connect("control.sock")
                os.write(writing, caller.recv(4096))
        finally:
            os._exit(0)
    os.close(writing)
    answer = json.loads(os.read(reading, 4096))
    os.close(reading)
    os.waitpid(pid, 0)
    assert (answer["done"], answer["code"]) == (False, 4)
    assert answer["text"] == ["you are uid 65534; only uid 0 and root are obeyed"]


def test_who_asked_is_in_the_history(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))
    site.call("restart", {"names": ["web"]})
    site.down()
    until(lambda: not site.is_recorded())
    history = sqlite3.connect(site.directory / "history.sqlite")
    rows = history.execute("SELECT kind, who FROM events WHERE who != '' ORDER BY id").fetchall()
    history.close()
    who = "uid 0 (root)" if os.getuid() == 0 else f"uid {os.getuid()}"
    assert [kind for kind, _ in rows] == ["applied", "restart-asked", "down"]
    assert all(text.startswith(who) for _, text in rows)


def test_on_whose_behalf_a_program_asked_is_in_the_history_beside_who_it_is(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))
    site.call("stop", {"names": ["web"], "by": "operator (uid 0)"})
    site.down()
    until(lambda: not site.is_recorded())
    history = sqlite3.connect(site.directory / "history.sqlite")
    ((who,),) = history.execute("SELECT who FROM events WHERE kind = 'stop-asked'").fetchall()
    history.close()
    assert who.startswith(f"operator (uid 0), through uid {os.getuid()}")


def test_without_room_for_more_files_it_goes_on(site: Site, stage: Stage) -> None:
    """EMFILE: what cannot be started is started later; whoever connects waits; nothing spins or dies."""
    site.up(process("web", stage.program(STEADY), replicas=2))
    stage.hear_all("ready", 2)
    used = len(os.listdir(f"/proc/{site.popen.pid}/fd"))
    resource.prlimit(site.popen.pid, resource.RLIMIT_NOFILE, (used + 4, 4096))
    client = site.connect()
    client.ask("scale", {"counts": {"web": 20}})
    until(lambda: "Too many open files" in json.dumps(client.call("status")["data"]))
    resource.prlimit(site.popen.pid, resource.RLIMIT_NOFILE, (4096, 4096))
    stage.hear_all("ready", 18)
    client.close()


@pytest.mark.root
def test_a_stack_directory_that_cannot_be_is_refused(site: Site, tmp_path: Path) -> None:
    site.directory.mkdir()
    os.chown(site.directory, 65534, 65534)
    said = site.start()
    assert said["text"][0] == f"the stack directory {site.directory} belongs to uid 65534, and we are uid 0"
    assert site.popen.wait() == 4
    os.chown(site.directory, 0, 0)
    site.directory.rmdir()
    site.directory.write_text("a file")
    said = site.start()
    assert said["text"][0].startswith(f"cannot use the stack directory {site.directory}: ")
    site.directory.unlink()


@pytest.mark.root
def test_somebody_elses_symlink_is_not_followed(site: Site, tmp_path: Path) -> None:
    """Who owns the site's folder could otherwise have root take over, and chmod, any folder of root's."""
    (tmp_path / "roots").mkdir(mode=0o755)
    site.directory.symlink_to(tmp_path / "roots")
    os.chown(site.directory, 65534, 65534, follow_symlinks=False)
    said = site.start()
    assert said["text"][0] == f"the stack directory {site.directory} is a symbolic link of uid 65534's"
    assert stat.S_IMODE((tmp_path / "roots").stat().st_mode) == 0o755
    assert list((tmp_path / "roots").iterdir()) == []


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path / ("x" * 100))
    said = site.start()
    assert said["text"][0].startswith("the path of the stack directory is too long for a socket in it: ")
    assert site.popen.wait() == 4


def test_systemd_hears_when_all_is_ready_and_when_it_stops(site: Site, stage: Stage, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        site.processes = (process("web", stage.program(STEADY)),)
        given = tmp_path / "stack.json"
        given.write_text(json.dumps(to_data(site.stack())))
        site.start("--stack", str(given), environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert systemd.recv(4096).splitlines() == [b"READY=1", b"STATUS=all ready"]
        stage.hear("ready")
        site.popen.send_signal(signal.SIGTERM)
        assert systemd.recv(4096) == b"STOPPING=1"
    assert site.popen.wait() == 0


def test_an_idle_supervisor_sleeps(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY), replicas=10))
    stage.hear_all("ready", 10)
    site.await_saved("web.10")
    pid = site.popen.pid

    def wakes() -> int:
        status = Path(f"/proc/{pid}/status").read_text()
        return sum(int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line)

    def slept() -> bool:
        before = wakes()
        reading, writing = os.pipe()
        select.select([reading], [], [], 2.0)  # the time is what is measured here
        os.close(reading)
        os.close(writing)
        return wakes() == before

    site.status()
    until(slept)  # what was still under way may wake it in the first two seconds, nothing does for ever
