"""Readiness and liveness: asked of the program, or told by it."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from procession.stack.codec import to_data
from procession.stack.model import Listener, Probe, ProbeType
from procession.supervisor.linux.attempts import judge_head, request
from procession.supervisor.linux.looks import judge_file
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, milliseconds_since, process
from tests.supervisor.test_listeners import free_port

HTTP = """
import socket
answers = {"good": b"HTTP/1.1 200 OK\\r\\n\\r\\n", "bad": b"HTTP/1.1 503 No\\r\\n\\r\\n", "mute": b""}
mood = ["bad"]
def change(number, _):
    mood[0] = {signal.SIGUSR1: "good", signal.SIGUSR2: "bad", signal.SIGHUP: "mute"}[number]
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
    signal.signal(number, change)
if sys.argv[1].startswith("/"):
    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[1])
    server.listen()
else:
    server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
say("up")
kept = []
while True:
    client, _ = server.accept()
    asked = client.recv(4096)
    print(asked.decode().split("\\r\\n\\r\\n")[0], flush=True)
    if mood[0] == "mute":
        kept.append(client)
        continue
    client.sendall(answers[mood[0]])
    client.close()
"""


def quick(type: ProbeType, **fields: object) -> Probe:
    defaults = {"interval_seconds": 0.05, "timeout_seconds": 0.3, "failures": 2, "within_seconds": 60.0}
    return Probe(type=type, **{**defaults, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_http_readiness_comes_and_goes_with_the_status(site: Site, stage: Stage, tmp_path: Path, family: str) -> None:
    where = str(free_port()) if family == "tcp" else str(tmp_path / "web.sock")
    address = f"127.0.0.1:{where}" if family == "tcp" else f"unix:{where}"
    probe = quick(ProbeType.HTTP, path="/health/", address=address, host="example.org", https=True)
    site.start()
    client = site.connect()
    site.processes = (process("web", (*stage.program(HTTP), where), readiness=probe),)
    number = client.ask("apply", {"stack": to_data(site.stack())})
    pid = stage.hear("up").pid
    until(lambda: site.instance("web.1")["why"] == "GET /health/ gave 503")
    os.kill(pid, signal.SIGUSR1)
    assert client.answer(number)["done"]
    os.kill(pid, signal.SIGUSR2)
    assert site.await_phase("web.1", "unready")["why"] == "GET /health/ gave 503"
    os.kill(pid, signal.SIGUSR1)
    site.await_phase("web.1", "ready")
    first = site.log("web.1").splitlines()
    assert "GET /health/ HTTP/1.1" in first
    assert {"Host: example.org", "X-Forwarded-Proto: https"} <= set(first)
    client.close()


def test_a_silent_server_is_not_waited_for_longer_than_its_time(site: Site, stage: Stage) -> None:
    port = free_port()
    probe = quick(ProbeType.HTTP, address=f"127.0.0.1:{port}")
    site.begin(process("web", (*stage.program(HTTP), str(port)), readiness=probe))
    os.kill(stage.hear("up").pid, signal.SIGHUP)
    until(lambda: site.instance("web.1")["why"] == "GET /: no answer within 0.3 s")


def test_a_hung_process_is_aborted_and_started_again(site: Site, stage: Stage) -> None:
    port = free_port()
    body = 'signal.signal(signal.SIGABRT, lambda *_: (say("aborted"), os._exit(9)))\n' + HTTP
    probe = quick(ProbeType.HTTP, address=f"127.0.0.1:{port}", status=(200,))
    tcp = quick(ProbeType.TCP, address=f"127.0.0.1:{port}")
    site.up(process("web", (*stage.program(body), str(port)), readiness=tcp, liveness=probe))
    pid = stage.hear("up").pid
    os.kill(pid, signal.SIGHUP)
    assert stage.hear("aborted").pid == pid
    assert stage.hear("up").pid != pid


def test_an_exec_probe_runs_as_the_instance_would(site: Site, stage: Stage, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    probe = quick(ProbeType.EXEC, command=("sh", "-c", 'test -e "$FLAG" || exit 7'))
    declared = process("web", stage.program('say("up")\nstay()'), readiness=probe, environment={"FLAG": str(flag)})
    site.begin(declared)
    stage.hear("up")
    until(lambda: site.instance("web.1")["why"].endswith("exited with 7"))
    flag.touch()
    site.await_phase("web.1", "ready")


def test_an_exec_probe_that_hangs_is_killed(site: Site, stage: Stage) -> None:
    probe = quick(ProbeType.EXEC, command=stage.program('fork(stay)\nsay("probe")\nstay()'), timeout_seconds=0.5)
    site.begin(process("web", ("sleep", "1000"), readiness=probe))
    stage.hear("probe")
    until(lambda: site.instance("web.1")["why"].endswith("no answer within 0.5 s"))


def test_a_file_probe(site: Site, stage: Stage, tmp_path: Path) -> None:
    probe = quick(ProbeType.FILE, file="ready")
    body = 'signal.signal(signal.SIGUSR1, lambda *_: open("ready", "w"))\nsay("up")\nstay()'
    site.begin(process("web", stage.program(body), readiness=probe, directory=str(tmp_path)))
    pid = stage.hear("up").pid
    until(lambda: site.instance("web.1")["why"] == "file ready: no such file or directory")
    os.kill(pid, signal.SIGUSR1)
    site.await_phase("web.1", "ready")


def test_being_asked_costs_little_of_the_start(site: Site, stage: Stage) -> None:
    """With an interval of a minute, the first questions come at once all the same."""
    port = free_port()
    body = f'import socket\nserver = socket.create_server(("127.0.0.1", {port}))\nsay("up")\nstay()'
    probe = quick(ProbeType.TCP, address=f"127.0.0.1:{port}", interval_seconds=60.0)
    began = time.monotonic()
    assert site.up(process("web", stage.program(body), readiness=probe))["done"]
    assert milliseconds_since(began) < 15_000


def test_sd_notify_tells_readiness_and_status(site: Site, stage: Stage) -> None:
    body = """
import socket
address = os.environ["NOTIFY_SOCKET"]
def tell(*_):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"STATUS=42 urls\\nREADY=1", address.replace("@", "\\0", 1))
    say("told")
def worker():
    os.setsid()
    signal.signal(signal.SIGUSR1, tell)
    say("worker")
    stay()
fork(worker)
stay()
"""
    site.begin(process("web", stage.program(body), readiness=Probe(type=ProbeType.NOTIFY)))
    worker = stage.hear("worker").pid
    assert site.instance("web.1")["phase"] == "starting"
    os.kill(worker, signal.SIGUSR1)
    site.await_phase("web.1", "ready")


def test_who_is_not_of_the_tree_cannot_tell(site: Site, stage: Stage) -> None:
    body = 'print(os.environ["NOTIFY_SOCKET"], flush=True)\nsay("up")\nstay()'
    site.begin(process("web", stage.program(body), readiness=Probe(type=ProbeType.NOTIFY)))
    stage.hear("up")
    until(lambda: site.log("web.1") != "")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", site.log("web.1").replace("@", "\0", 1))
    site.call("signal", {"names": ["web"], "signal": "CONT"})  # answered after the datagram was read
    assert site.instance("web.1")["phase"] == "starting"


@pytest.mark.parametrize("said", ["EXTEND_TIMEOUT_USEC=" + "9" * 400, "EXTEND_TIMEOUT_USEC=" + "9" * 5000])
def test_a_program_that_talks_nonsense_is_not_believed(site: Site, stage: Stage, said: str) -> None:
    body = f"""
import socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    for words in (b"{said}", b"PROCESSION_LIFE=" + b"9" * 5000, b"READY=1"):
        notify.sendto(words, os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
say("told")
stay()
"""
    assert site.up(process("web", stage.program(body), readiness=Probe(type=ProbeType.NOTIFY)))["done"]
    assert site.popen.poll() is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1:99999", "127.0.0.1:99999: there is no port 99999"),
        ("unix:/" + "x" * 200, "unix:/"),
    ],
)
def test_an_address_that_cannot_be_asked_is_a_bad_answer(site: Site, stage: Stage, address: str, why: str) -> None:
    probe = quick(ProbeType.TCP, address=address)
    site.begin(process("web", stage.program('say("up")\nstay()'), readiness=probe))
    stage.hear("up")
    until(lambda: why in site.instance("web.1")["why"])
    assert site.popen.poll() is None


@pytest.mark.parametrize(
    ("head", "status", "good", "detail"),
    [
        (b"HTTP/1.1 200 OK\r\n", (), True, "GET / gave 200"),
        (b"HTTP/1.0 302 Found\r\n", (), True, "GET / gave 302"),
        (b"HTTP/1.1 400 Bad Request\r\n", (), False, "GET / gave 400"),
        (b"HTTP/1.1 401 No\r\n", (401,), True, "GET / gave 401"),
        (b"HTTP/1.1 200 OK\r\n", (204,), False, "GET / gave 200"),
        (b"", (), False, "GET /: closed without an answer"),
        (b"SSH-2.0-OpenSSH\r\n", (), False, "GET /: what answered does not speak HTTP: b'SSH-2.0-OpenSSH\\r\\n'"),
    ],
)
def test_which_answers_are_good(head: bytes, status: tuple[int, ...], good: bool, detail: str) -> None:
    assert judge_head(head, Probe(status=status)) == (good, detail)


def test_the_host_header_is_the_address_where_nothing_is_said() -> None:
    assert b"\r\nHost: 127.0.0.1:8000\r\n" in request(Probe(), "127.0.0.1:8000")
    assert b"\r\nHost: localhost\r\n" in request(Probe(), "unix:/run/web.sock")


def test_what_listens_everywhere_is_not_called_so() -> None:
    assert b"\r\nHost: 127.0.0.1:8000\r\n" in request(Probe(), "0.0.0.0:8000")
    assert b"\r\nHost: [::1]:8000\r\n" in request(Probe(), "[::]:8000")


def test_a_file_may_be_too_old(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    file.touch()
    probe = Probe(type=ProbeType.FILE, file="beat", max_age_seconds=10)
    written = file.stat().st_mtime
    assert judge_file(probe, str(tmp_path), written + 9) == (True, "file beat is there")
    assert judge_file(probe, str(tmp_path), written + 11) == (False, "file beat: last touched 11 s ago")


def test_a_listener_without_address_is_the_first(site: Site, stage: Stage) -> None:
    port = free_port()
    body = f'import socket\nserver = socket.create_server(("127.0.0.1", {port}))\nsay("up")\nstay()'
    listeners = (Listener(f"0.0.0.0:{port}"),)
    assert site.up(process("web", stage.program(body), readiness=quick(ProbeType.TCP), listeners=listeners))["done"]
