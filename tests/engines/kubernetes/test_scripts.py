"""The small programs of probes and hooks, run as a container runs them, against real processes and files."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.engines.kubernetes import scripts
from procession.engines.kubernetes.options import Options

HERE = Options(image="x", python=sys.executable)
LONG_AGO = 3600.0


def run(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(scripts.run(script, HERE, *words), capture_output=True, text=True, check=False)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """One that says which signal it gets, and goes on."""
    code = """if True:
        import signal
        heard = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
        signal.pthread_sigmask(signal.SIG_BLOCK, heard)
        print('ready', flush=True)
        while True:
            print(signal.sigwait(heard).value, flush=True)
    """
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        yield child
        child.kill()


def heard(child: subprocess.Popen[bytes]) -> int:
    assert child.stdout is not None
    return int(child.stdout.readline())


def test_no_heartbeat_yet_is_not_judged(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    assert run(scripts.HEARTBEAT, str(tmp_path / "beat"), "60", str(process.pid)).returncode == 0


def test_a_heart_at_rest_is_not_judged(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    beat = tmp_path / "beat"
    beat.touch()
    os.utime(beat, (0, 0))
    assert run(scripts.HEARTBEAT, str(beat), "60", str(process.pid)).returncode == 0


def test_a_beat_of_the_container_before_this_one_is_not_judged(
    tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    beat = tmp_path / "beat"
    beat.touch()
    os.utime(beat, (time.time() - LONG_AGO,) * 2)
    assert run(scripts.HEARTBEAT, str(beat), "60", str(process.pid)).returncode == 0


def test_a_heart_that_has_stopped_fails(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    beat = tmp_path / "beat"
    beat.touch()
    os.utime(beat, (time.time() + 5,) * 2)  # after the process began, however coarse the clock is
    assert run(scripts.HEARTBEAT, str(beat), "60", str(process.pid)).returncode == 0
    done = run(scripts.HEARTBEAT, str(beat), "-3600", str(process.pid))  # as if an hour had passed
    assert done.returncode == 1
    assert "no beat for" in done.stderr


def test_a_file_that_is_there_and_not_too_old(tmp_path: Path) -> None:
    file = tmp_path / "ready"
    assert run(scripts.FILE, str(file), "0").returncode != 0
    file.touch()
    os.utime(file, (time.time() - LONG_AGO,) * 2)
    assert run(scripts.FILE, str(file), "0").returncode == 0
    assert run(scripts.FILE, str(file), "60").returncode == 1


@pytest.fixture
def site() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server on a free port that answers 400 to all, and what it was asked with."""
    asked: list[dict[str, str]] = []

    class Strict(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            self.send_error(400)

        def log_message(self, format: str, *words: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Strict) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield str(server.server_port), asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("below", "good", "code"), [("500", "", 0), ("400", "", 1), ("0", "200,400", 0), ("500", "200", 1)]
)
def test_a_status_that_httpget_would_refuse(
    site: tuple[str, list[dict[str, str]]], below: str, good: str, code: int
) -> None:
    port, asked = site
    done = run(scripts.HTTP, port, "/", below, good, "20", "mysite.example", "https")
    assert done.returncode == code, done.stderr
    assert (asked[0]["Host"], asked[0]["X-Forwarded-Proto"]) == ("mysite.example", "https")


def test_another_first_signal_comes_in_place_of_term(process: subprocess.Popen[bytes]) -> None:
    done = run(scripts.STOP, str(process.pid), "0", "-", f"{signal.SIGINT.value}:0", f"{signal.SIGQUIT.value}:0")
    assert done.returncode == 0
    assert [heard(process), heard(process)] == [signal.SIGINT, signal.SIGQUIT]


def test_the_kubelets_term_comes_first_and_the_later_step_after_it(process: subprocess.Popen[bytes]) -> None:
    hook = scripts.run(scripts.STOP, HERE, str(process.pid), "0", "2", f"{signal.SIGQUIT.value}:0")
    subprocess.run(hook, check=True)  # its child is left behind, as it is in a pod
    process.terminate()
    assert [heard(process), heard(process)] == [signal.SIGTERM, signal.SIGQUIT]


def test_a_process_that_has_gone_ends_the_ladder() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert run(scripts.STOP, str(child.pid), "0", "-", f"{signal.SIGINT.value}:3600").returncode == 0


def test_a_migration_is_waited_for(tmp_path: Path) -> None:
    code = (
        "import os, sys; path = sys.argv[1]; found = os.path.exists(path); open(path, 'w').close(); sys.exit(not found)"
    )
    assert run(scripts.MIGRATED, sys.executable, "-c", code, str(tmp_path / "asked")).returncode == 0
