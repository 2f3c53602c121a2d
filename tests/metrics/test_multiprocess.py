"""prometheus_client's directory, with a real gunicorn: shared, emptied when nobody lives, and without the dead."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.console.project import DEADLINE_SECONDS, Project, await_true
from tests.dashboard.site import free_port

MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "own")
from django.core.management import execute_from_command_line
if __name__ == "__main__":
    execute_from_command_line(sys.argv)
"""
OWN = """
import os
from django.http import HttpResponse
from django.urls import path
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, multiprocess
SECRET_KEY = "only for the tests"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["procession"]
ROOT_URLCONF = "own"
WSGI_APPLICATION = "wsgi.application"
PRODUCTION_PROCESSES = {
    "web": {
        "BACKEND": "gunicorn", "ARGS": ["--bind", "127.0.0.1:{port}", "--workers", "2"{more}],
        "PROMETHEUS": True, "STOP_TIMEOUT": 5,
    },
}
VIEWS = Counter("views", "Pages that were shown")
WORKERS = Gauge("workers", "Workers that live", multiprocess_mode="livesum")
def show(request):
    WORKERS.set(1)
    VIEWS.inc()
    return HttpResponse(str(os.getpid()))
def metrics(request):
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return HttpResponse(generate_latest(registry), "text/plain")
urlpatterns = [path("", show), path("metrics", metrics)]
"""
WSGI = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"


class NumbersSite(Project):
    def prepare(self, *more: str) -> None:
        self.port = free_port()
        words = "".join(f', "{word}"' for word in more)
        (self.directory / "own.py").write_text(OWN.replace("{port}", str(self.port)).replace("{more}", words))
        (self.directory / "manage.py").write_text(MANAGE)
        (self.directory / "wsgi.py").write_text(WSGI)

    def get(self, path: str = "/") -> str:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=DEADLINE_SECONDS) as answer:
            text: str = answer.read().decode()
            return text

    def ask_both(self) -> set[int]:
        """Until both workers have shown a page: their pids."""
        seen: set[int] = set()

        def have_both() -> bool:
            seen.add(int(self.get()))
            return len(seen) == 2

        await_true(have_both, "only one worker answers")
        return seen

    def number(self, name: str) -> float:
        """Of the site's own page; 0 for what it does not have."""
        families = text_string_to_metric_families(self.get("/metrics"))
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)

    def numbers_directory(self) -> Path:
        """Where the web process was told to keep its numbers."""
        environ = Path(f"/proc/{self.instance('web.1')['pid']}/environ").read_text()
        found = re.search("PROMETHEUS_MULTIPROC_DIR=([^\0]+)", environ)
        assert found, "it was told nothing"
        return Path(found[1])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[NumbersSite]:
    site = NumbersSite(tmp_path / "site")
    yield site
    site.end()
    assert site.members() == []


@pytest.mark.parametrize("more", [(), pytest.param(("--preload",), marks=pytest.mark.slow)])
def test_a_dead_worker_counts_no_more_and_what_it_counted_stays(site: NumbersSite, more: tuple[str, ...]) -> None:
    site.prepare(*more)
    site.ok("up", "-d")
    one, _ = site.ask_both()
    assert site.number("workers") == 2
    views = site.number("views_total")
    assert views >= 2
    os.kill(one, signal.SIGKILL)
    await_true(lambda: site.number("workers") == 1, "the dead worker still counts")  # the new one has shown no page
    assert site.number("views_total") == views


def test_the_directory_outlives_a_restart_and_the_supervisor_but_not_a_down(site: NumbersSite) -> None:
    site.prepare()
    site.ok("up", "-d")
    first = site.ask_both()
    directory = site.numbers_directory()
    assert {f"gauge_livesum_{pid}.db" for pid in first} <= {path.name for path in directory.iterdir()}
    views = site.number("views_total")
    site.ok("restart", "web")
    await_true(lambda: not any((directory / f"gauge_livesum_{pid}.db").exists() for pid in first), "the dead are there")
    assert (site.number("views_total"), site.number("workers")) == (views, 0)

    second = site.ask_both()
    views = site.number("views_total")
    os.kill(site.status()["supervisor"]["pid"], signal.SIGKILL)
    await_true(lambda: site.run("status").code == 0, "no supervisor comes back")
    assert (site.number("views_total"), site.number("workers")) == (views, 2), "they live, so it was not emptied"
    assert site.numbers_directory() == directory
    assert {f"gauge_livesum_{pid}.db" for pid in second} <= {path.name for path in directory.iterdir()}

    site.ok("down")
    assert not directory.exists()
    site.ok("up", "-d")
    assert site.number("views_total") == 0


def test_what_was_left_when_all_died_at_once_is_emptied(site: NumbersSite) -> None:
    """As by a power cut: nobody was there to tidy up."""
    site.prepare()
    site.ok("up", "-d")
    site.ask_both()
    directory = site.numbers_directory()
    status = site.status()["supervisor"]
    for pid in (status["recorder_pid"], status["pid"], *site.members()):  # the recorder first: it would start another
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    await_true(lambda: site.members() == [], "they do not die")
    assert list(directory.glob("counter_*.db"))
    site.ok("up", "-d")
    assert site.number("views_total") == 0


def test_a_directory_of_the_sites_own_is_left_alone(site: NumbersSite, tmp_path: Path) -> None:
    site.prepare()
    own = tmp_path / "numbers"
    own.mkdir()
    (own / "gauge_livesum_999999999.db").write_bytes(b"")
    source = site.directory / "own.py"
    source.write_text(
        source.read_text().replace('"STOP_TIMEOUT"', f'"ENV": {{"PROMETHEUS_MULTIPROC_DIR": "{own}"}}, "STOP_TIMEOUT"')
    )
    site.ok("up", "-d")
    assert site.numbers_directory() == own
    site.ok("down")
    assert (own / "gauge_livesum_999999999.db").exists()
