"""The feed reader's pods, run from their manifests: the wait for the migration, probes, and how they end."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from procession.engines.kubernetes.options import Options
from procession.stack.codec import from_data
from procession.stack.model import Stack
from tests.engines.kubernetes.pods import GOOD, Cluster, cluster, execute, first, get, running
from tests.engines.kubernetes.stacks import WEB, stack
from tests.engines.kubernetes.test_yaml import AWKWARD
from tests.supervisor.test_listeners import free_port

EXAMPLE = Path(__file__).parents[3] / "examples" / "feedreader"
HOST = "feeds.example"
STRICT = f"""
ALLOWED_HOSTS = ["{HOST}"]
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
"""
ECHO = """
import json, os, sys
print(json.dumps([sys.argv[1:], [os.environ[f"V{number}"] for number in range(len(sys.argv) - 1)]]))
"""
WITHIN_SECONDS = 100.0

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace takes root")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The example as it would be behind a proxy with a certificate."""
    shutil.copytree(
        EXAMPLE, tmp_path / "feedreader", ignore=shutil.ignore_patterns("data", "__pycache__", ".procession")
    )
    with (tmp_path / "feedreader" / "feedreader" / "settings.py").open("a") as settings:
        settings.write(STRICT)
    return tmp_path / "feedreader"


@pytest.fixture
def there(site: Path, tmp_path: Path) -> Cluster:
    """Its manifests, for an image that has this Python and the site where they are."""
    command = [sys.executable, "-m", "procession", "render", "--json"]
    environment = {**os.environ, "PORT": str(free_port())}
    done = subprocess.run(command, cwd=site, env=environment, capture_output=True, check=True)
    options = Options(image="x:1", python=sys.executable, directory=str(site), host=HOST, tls_secret="tls")
    return cluster(from_data(Stack, json.loads(done.stdout)), options, tmp_path)


def until(holds: Callable[[], object], log: Path) -> None:
    """The deadline only ever fails a test."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while not holds():
        assert time.monotonic() < deadline, log.read_text()
        select.select([], [], [], 0.05)


def migrate(there: Cluster, log: Path) -> None:
    [job] = there.pod("Job feedreader-migrate")["containers"]
    with running(there, job, log) as child:
        assert child.wait(WITHIN_SECONDS) == 0, log.read_text()


def end(child: subprocess.Popen[bytes]) -> int:
    """As the kubelet does after the hook: TERM to process 1. Gives the exit code."""
    os.kill(first(child), signal.SIGTERM)
    return child.wait(WITHIN_SECONDS)


def test_a_pod_waits_until_the_migration_is_done(there: Cluster, tmp_path: Path) -> None:
    [waiting] = there.pod("Deployment feedreader-web")["initContainers"]
    log = tmp_path / "init.log"
    with running(there, waiting, log) as child:
        until(lambda: "waiting until this ends well:" in log.read_text(), log)
        assert child.poll() is None
        migrate(there, tmp_path / "job.log")
        assert child.wait(WITHIN_SECONDS) == 0, log.read_text()


@pytest.fixture
def web(there: Cluster, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    migrate(there, tmp_path / "job.log")
    [main] = there.pod("Deployment feedreader-web")["containers"]
    with running(there, main, tmp_path / "web.log") as child:
        question = main["startupProbe"]["httpGet"]
        until(lambda: get(question) in GOOD or child.poll() is not None, tmp_path / "web.log")
        yield child


def test_web_is_asked_in_words_that_its_settings_take(there: Cluster, web: subprocess.Popen[bytes]) -> None:
    [main] = there.pod("Deployment feedreader-web")["containers"]
    question = main["readinessProbe"]["httpGet"]
    assert get(question) == 200
    assert get(question, **{"X-Forwarded-Proto": "http"}) == 301  # good in the kubelet's eyes, and the site not asked
    assert get(question, Host="10.0.0.7:8000") == 400
    assert main["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
    assert end(web) == 0


def test_a_worker_beats_and_ends_by_its_hook(there: Cluster, tmp_path: Path) -> None:
    migrate(there, tmp_path / "job.log")
    [main] = there.pod("Deployment feedreader-worker")["containers"]
    log, beat = tmp_path / "worker.log", tmp_path / "heartbeat"
    with running(there, main, log) as child:
        until(lambda: " ready." in log.read_text() and beat.exists(), log)
        asked = there.words(main, main["livenessProbe"]["exec"]["command"])
        assert execute(there, main, asked, child) == 0
        hanging = [word if word != "60" else "-3600" for word in asked]  # as if the last beat were an hour old
        os.utime(beat, (time.time() + 5,) * 2)  # after the process began, however coarse the clock is
        assert execute(there, main, hanging, child) == 1
        hook = there.words(main, main["lifecycle"]["preStop"]["exec"]["command"], expanded=False)
        assert execute(there, main, hook, child) == 0
        assert child.poll() is None  # TERM is the kubelet's; QUIT comes 60 seconds later, from what the hook left there
        assert end(child) == 0, log.read_text()


def test_any_value_is_there_in_the_process(tmp_path: Path) -> None:
    values = [value for value in AWKWARD if "\0" not in value]
    echo = replace(
        WEB,
        argv=(sys.executable, "-c", ECHO, *values),
        environment={f"V{number}": value for number, value in enumerate(values)},
        directory="/",
        listeners=(),
        depends_on=(),
    )
    other = replace(WEB, name="other", environment={"V0": values[0]}, depends_on=())  # V0 goes into the ConfigMap
    there = cluster(stack(echo, other), Options(image="x:1", python=sys.executable, directory="/app"), tmp_path)
    [main] = there.pod("Deployment mysite-web")["containers"]
    with running(there, main, tmp_path / "echo.log") as child:
        assert child.wait(WITHIN_SECONDS) == 0
    assert json.loads((tmp_path / "echo.log").read_text()) == [values, values]
