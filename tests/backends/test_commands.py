"""The command of each web server: argv, handoff, listeners, timeouts, problems. Pure: nothing is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from procession.backends.base import Command, Profile
from procession.backends.registry import find, names
from procession.stack.model import Declaration, Listener, Probe, ProbeType, RestartWhen, Site, StopStep
from tests.backends.serving import errors

SITE = Site(
    directory="/srv/site",
    python="/venv/bin/python",
    settings_module="mysite.settings",
    wsgi="mysite.wsgi:application",
    asgi="mysite.asgi:application",
)
WEB = (
    "gunicorn", "gunicorn-asgi", "uvicorn", "uvicorn-wsgi", "granian", "granian-asgi", "granian-wsgi", "hypercorn",
    "daphne", "waitress", "cheroot",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_variables_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "WEB_CONCURRENCY", "UVICORN_HOST", "UVICORN_PORT", "GRANIAN_PORT"):
        monkeypatch.delenv(name, raising=False)


def build(name: str, args: object = None, *, site: Site = SITE, seconds: float = 30.0, **said: object) -> Command:
    backend = find(name)
    assert backend is not None
    return backend.build(replace(Declaration(), args=args or {}, **said), site, seconds)  # type: ignore[arg-type]


def profile(name: str, command: Command) -> Profile:
    backend = find(name)
    assert backend is not None
    return backend.profile(command)


def words(argv: tuple[str, ...]) -> str:
    return " ".join(argv).removeprefix("/venv/bin/python -m ")


@pytest.mark.parametrize(
    ("name", "argv", "handoff", "bind"),
    [
        (
            "gunicorn",
            "gunicorn mysite.wsgi:application --graceful-timeout=30 --no-control-socket",
            "gunicorn mysite.wsgi:application --graceful-timeout=30 --no-control-socket",
            "127.0.0.1:8000",
        ),
        (
            "gunicorn-asgi",
            "gunicorn mysite.asgi:application --worker-class=asgi --graceful-timeout=30 --no-control-socket",
            "gunicorn mysite.asgi:application --worker-class=asgi --graceful-timeout=30 --no-control-socket",
            "127.0.0.1:8000",
        ),
        (
            "uvicorn",
            "uvicorn mysite.asgi:application --timeout-graceful-shutdown=30",
            "uvicorn mysite.asgi:application --timeout-graceful-shutdown=30 --fd=3",
            "127.0.0.1:8000",
        ),
        (
            "uvicorn-wsgi",
            "uvicorn mysite.wsgi:application --interface=wsgi --timeout-graceful-shutdown=30",
            "uvicorn mysite.wsgi:application --interface=wsgi --timeout-graceful-shutdown=30 --fd=3",
            "127.0.0.1:8000",
        ),
        (
            "granian",
            "granian mysite.wsgi:application --interface=wsgi --workers-kill-timeout=30",
            "procession.backends.programs.granian mysite.wsgi:application --interface=wsgi --workers-kill-timeout=30",
            "127.0.0.1:8000",
        ),
        (
            "granian-asgi",
            "granian mysite.asgi:application --interface=asgi --workers-kill-timeout=30",
            "procession.backends.programs.granian mysite.asgi:application --interface=asgi --workers-kill-timeout=30",
            "127.0.0.1:8000",
        ),
        (
            "granian-wsgi",
            "granian mysite.wsgi:application --interface=wsgi --workers-kill-timeout=30",
            "procession.backends.programs.granian mysite.wsgi:application --interface=wsgi --workers-kill-timeout=30",
            "127.0.0.1:8000",
        ),
        (
            "hypercorn",
            "hypercorn mysite.asgi:application --graceful-timeout=30",
            "hypercorn mysite.asgi:application --graceful-timeout=30 --bind=fd://3",
            "127.0.0.1:8000",
        ),
        (
            "daphne",
            "daphne mysite.asgi:application",
            "daphne mysite.asgi:application --fd=3",
            "127.0.0.1:8000",
        ),
        (
            "waitress",
            "procession.backends.programs.waitress --drain=30 mysite.wsgi:application",
            "procession.backends.programs.waitress --drain=30 mysite.wsgi:application",
            "0.0.0.0:8080",
        ),
        (
            "cheroot",
            "cheroot mysite.wsgi:application --shutdown-timeout=30",
            "cheroot mysite.wsgi:application --shutdown-timeout=30",
            "[::1]:8000",
        ),
    ],
)  # fmt: skip
def test_with_nothing_said_it_listens_where_the_program_does(name: str, argv: str, handoff: str, bind: str) -> None:
    command = build(name)
    assert words(command.argv) == argv
    assert words(command.handoff) == handoff
    assert [listener.bind for listener in command.listeners] == [bind]
    assert command.problems == ()
    assert command.environment == {"DJANGO_SETTINGS_MODULE": "mysite.settings"}
    assert command.stop_timeout_seconds is None


@pytest.mark.parametrize(
    ("name", "args", "listeners"),
    [
        ("gunicorn", {"bind": "0.0.0.0:8000"}, [Listener("0.0.0.0:8000")]),
        ("gunicorn", {"bind": ":9"}, [Listener("0.0.0.0:9")]),
        ("gunicorn", {"bind": "[::]:9"}, [Listener("[::]:9")]),
        ("gunicorn", {"b": "localhost"}, [Listener("localhost:8000")]),
        ("gunicorn", ["-b", "a:1", "--bind=b:2"], [Listener("a:1"), Listener("b:2")]),
        ("gunicorn", {"bind": "unix:a.sock", "umask": "007"}, [Listener("unix:/srv/site/a.sock", mode=0o770)]),
        ("gunicorn", {"bind": "a:1", "backlog": 64}, [Listener("a:1", backlog=64)]),
        ("cheroot", {"bind": "a:1", "request-queue-size": 64}, [Listener("a:1", backlog=64)]),
        ("uvicorn", {"backlog": 64}, [Listener("127.0.0.1:8000", backlog=64)]),
        ("gunicorn", {"bind": "unix:///run/web.sock"}, [Listener("unix:/run/web.sock", mode=0o777)]),
        ("gunicorn", {"bind": "fd://4"}, []),
        ("gunicorn", {"bind": ["127.0.0.1:1", "unix:@abstract"]}, []),
        ("uvicorn", {"port": 9}, [Listener("127.0.0.1:9")]),
        ("uvicorn", {"host": "::1", "port": 9}, [Listener("[::1]:9")]),
        ("uvicorn", {"uds": "/run/web.sock", "port": 9}, [Listener("unix:/run/web.sock")]),
        ("uvicorn", {"fd": 7}, []),
        ("granian", {"address": "0.0.0.0", "port": 9}, [Listener("0.0.0.0:9")]),
        ("granian", {"uds": "/run/web.sock", "uds-permissions": "0600"}, [Listener("unix:/run/web.sock", mode=0o600)]),
        ("hypercorn", {"bind": ["a:1", "unix:/x"]}, [Listener("a:1"), Listener("unix:/x")]),
        ("hypercorn", {"config": "hypercorn.toml"}, []),
        ("hypercorn", {"insecure-bind": "a:1", "bind": "b:1"}, []),
        ("daphne", {"bind": "0.0.0.0"}, [Listener("0.0.0.0:8000")]),
        ("daphne", {"p": 9}, [Listener("127.0.0.1:9")]),
        ("daphne", {"endpoint": "ssl:443"}, []),
        ("waitress", {"listen": ["127.0.0.1:1", "*:2"]}, [Listener("127.0.0.1:1"), Listener("0.0.0.0:2")]),
        ("waitress", {"listen": "127.0.0.1:1 [::1]:2"}, [Listener("127.0.0.1:1"), Listener("[::1]:2")]),
        ("waitress", {"port": 9}, [Listener("0.0.0.0:9")]),
        ("waitress", {"unix-socket": "/x", "unix-socket-perms": "660"}, [Listener("unix:/x", mode=0o660)]),
        ("cheroot", {"bind": "0.0.0.0:9"}, [Listener("0.0.0.0:9")]),
        ("cheroot", {"bind": "run/web.sock"}, [Listener("unix:/srv/site/run/web.sock", mode=0o777)]),
        ("cheroot", {"bind": "@abstract"}, []),
    ],
)  # fmt: skip
def test_listeners_are_what_args_bind(name: str, args: object, listeners: list[Listener]) -> None:
    command = build(name, args)
    assert errors(command) == []
    assert list(command.listeners) == listeners
    assert bool(command.handoff) is bool(listeners)


@pytest.mark.parametrize("name", WEB)
def test_a_handoff_does_not_bind(name: str) -> None:
    """Only cheroot may hear of the address: it takes fd 3 whatever --bind says, and reports that as SERVER_PORT."""
    binding: dict[str, dict[str, object]] = {
        "gunicorn": {"bind": ["127.0.0.1:1234", "127.0.0.1:1235"], "reuse-port": True},
        "hypercorn": {"bind": "127.0.0.1:1234"},
        "daphne": {"b": "127.0.0.1", "p": 1234},
        "waitress": {"listen": "127.0.0.1:1234"},
        "cheroot": {"bind": "127.0.0.1:1234"},
    }
    command = build(name, binding.get(name.removesuffix("-asgi"), {"host": "127.0.0.1", "port": "1234"}))
    assert errors(command) == []
    assert "1234" in words(command.argv)
    assert ("123" in words(command.handoff)) is (name == "cheroot")
    assert "reuse" not in words(command.handoff)


@pytest.mark.parametrize(
    ("name", "variables", "bind"),
    [
        ("gunicorn", {"PORT": "9"}, "0.0.0.0:9"),
        ("uvicorn", {"UVICORN_HOST": "0.0.0.0", "UVICORN_PORT": "9"}, "0.0.0.0:9"),
        ("granian", {"GRANIAN_PORT": "9"}, "127.0.0.1:9"),
        ("hypercorn", {"PORT": "9"}, "127.0.0.1:8000"),
    ],
)
def test_variables_that_the_program_reads_are_read(name: str, variables: dict[str, str], bind: str) -> None:
    assert build(name, env=variables).listeners[0].bind == bind


@pytest.mark.parametrize("name", WEB)
@pytest.mark.parametrize("app", ["shop.web.main", "shop.web:main"])
def test_the_app_may_be_named(name: str, app: str) -> None:
    assert "shop.web:main" in build(name, app=app).argv
    assert "mysite" not in words(build(name, app=app).argv)


@pytest.mark.parametrize("name", WEB)
def test_without_an_application_there_is_a_problem(name: str) -> None:
    command = build(name, site=replace(SITE, wsgi="", asgi=""))
    assert errors(command) == ["E045 app"]


def test_an_app_in_args_is_the_app() -> None:
    command = build("gunicorn", ("shop.wsgi", "--bind", "0.0.0.0:80"))
    assert words(command.argv).startswith("gunicorn shop.wsgi --bind 0.0.0.0:80")


def test_a_module_alone_is_its_application() -> None:
    assert "shop.wsgi:application" in build("gunicorn", app="shop.wsgi").argv


def test_a_worker_class_for_asgi_gets_the_asgi_application() -> None:
    assert "mysite.asgi:application" in build("gunicorn", {"k": "uvicorn_worker.UvicornWorker"}).argv
    assert "mysite.asgi:application" in build("gunicorn", {"worker_class": "asgi"}).argv
    assert "mysite.wsgi:application" in build("uvicorn", {"interface": "wsgi"}).argv
    assert "mysite.asgi:application" in build("granian", {"interface": "asgi"}).argv


def test_granian_alone_means_wsgi_where_the_site_has_it() -> None:
    assert "--interface=asgi" in build("granian", site=replace(SITE, wsgi="")).argv


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("gunicorn", "graceful-timeout"),
        ("uvicorn", "timeout-graceful-shutdown"),
        ("granian", "workers-kill-timeout"),
        ("hypercorn", "graceful-timeout"),
        ("cheroot", "shutdown-timeout"),
    ],
)
def test_the_servers_own_timeout_follows_from_stop_timeout_or_leads_it(name: str, option: str) -> None:
    assert f"--{option}=13" in build(name, seconds=12.5).argv
    assert f"--{option}=1" in build(name, seconds=0.0).argv
    said = build(name, {option: 77})
    assert f"--{option}=77" in said.argv
    assert f"--{option}=30" not in said.argv
    assert said.stop_timeout_seconds == 77.0
    assert build(name, {option: "soon"}).stop_timeout_seconds is None


def test_granians_timeout_has_a_maximum() -> None:
    assert "--workers-kill-timeout=1800" in build("granian", seconds=7200.0).argv


def test_stop_ladders() -> None:
    """FACTS.md, section 2: what each answers a request in flight on. QUIT hangs some, and orphans granian's workers."""
    ladders = {name: profile(name, build(name)).ladder(30.0) for name in WEB}
    assert ladders["gunicorn"] == (StopStep("TERM", 30.0), StopStep("QUIT", 2.0))
    for name, ladder in ladders.items():
        assert ladder[0] == StopStep("INT" if name == "cheroot" else "TERM", 30.0)
        assert ("QUIT" in {step.signal for step in ladder}) is name.startswith("gunicorn")


@pytest.mark.parametrize(
    ("name", "args", "signal"),
    [
        ("gunicorn", {}, "HUP"),
        ("gunicorn", {"preload": True}, ""),
        ("uvicorn", {}, ""),
        ("uvicorn", {"workers": 1}, ""),
        ("uvicorn", {"workers": 2}, "HUP"),
        ("granian", {}, ""),
        ("hypercorn", {"workers": 2}, ""),
        ("daphne", {}, ""),
        ("waitress", {}, ""),
        ("cheroot", {}, ""),
    ],
)
def test_reload_is_offered_where_it_is_safe(name: str, args: object, signal: str) -> None:
    assert profile(name, build(name, args)).reload_signal == signal


def test_workers_may_come_from_the_environment() -> None:
    assert profile("uvicorn", build("uvicorn", env={"WEB_CONCURRENCY": "3"})).reload_signal == "HUP"


@pytest.mark.parametrize("name", WEB)
def test_readiness(name: str) -> None:
    asked = profile(name, build(name)).readiness
    assert asked == Probe(type=ProbeType.HTTP, status_below=500, failures=0)
    assert profile(name, build(name, site=replace(SITE, has_app=True))).readiness.type is ProbeType.APP
    assert profile(name, build(name)).restart is RestartWhen.ALWAYS


def test_readiness_behind_tls_is_a_connection() -> None:
    for name, args in {
        "gunicorn": {"certfile": "/c"},
        "uvicorn": {"ssl-keyfile": "/k"},
        "hypercorn": {"certfile": "/c"},
    }.items():
        assert profile(name, build(name, args)).readiness.type is ProbeType.TCP


def test_readiness_with_no_address_known_is_taken_for_granted() -> None:
    assert profile("gunicorn", build("gunicorn", {"bind": "fd://4"})).readiness.type is ProbeType.NONE


@pytest.mark.parametrize(
    ("name", "args", "found"),
    [
        ("gunicorn", {"worker": 8}, ["E040 args.worker"]),
        ("gunicorn", {"bind": "127.0.0.1:http"}, ["E046 args.bind"]),
        ("gunicorn", {"bind": "127.0.0.1:99999"}, ["E046 args.bind"]),
        ("gunicorn", {"daemon": True}, ["E047 args.daemon"]),
        (
            "gunicorn",
            {"bind": "x:y", "wrokers": 1, "timeout": None},
            ["E040 args.wrokers", "E043 args.timeout", "E046 args.bind"],
        ),
        ("uvicorn", {"port": "http"}, ["E049 args.port"]),
        ("uvicorn", {"prot": 80}, ["E040 args.prot"]),
        ("hypercorn", {"daemon": True}, ["E047 args.daemon"]),
        ("daphne", {"unix_sockt": "/x"}, ["E040 args.unix_sockt"]),
        ("waitress", {"thread": 4}, ["E040 args.thread"]),
        ("cheroot", {"thread": 4}, ["E040 args.thread"]),
        ("granian", {"worker": 4}, ["E040 args.worker"]),
    ],
)
def test_problems(name: str, args: object, found: list[str]) -> None:
    assert errors(build(name, args)) == found


def test_warnings_of_what_a_server_cannot_do() -> None:
    command = build("granian-asgi", {"blocking-threads": "2"})
    assert [problem.id for problem in command.problems] == ["W041"]
    assert "blocking" not in words(command.argv)
    assert build("granian-wsgi", {"blocking-threads": "2"}).problems == ()
    assert [problem.id for problem in build("hypercorn", {"w": 2}).problems] == ["W042"]


def test_gunicorns_control_socket_stays_where_a_person_wants_it() -> None:
    assert "--no-control-socket" not in build("gunicorn", {"control-socket": "/run/g.ctl"}).argv
    assert build("gunicorn", {"no-control-socket": True}).argv.count("--no-control-socket") == 1


class TestGunicornsFile:
    """gunicorn.conf.py is read by gunicorn by default; what it says must hold."""

    @pytest.fixture
    def site(self, tmp_path: Path) -> Site:
        return replace(SITE, directory=str(tmp_path))

    def build(self, site: Site, text: str, args: object = None) -> Command:
        Path(site.directory, "gunicorn.conf.py").write_text(text)
        return build("gunicorn", args, site=site)

    def test_plain_settings_are_read(self, site: Site) -> None:
        command = self.build(site, 'bind = "127.0.0.1:9"\ngraceful_timeout = 7\npreload_app = True\n')
        assert command.listeners[0].bind == "127.0.0.1:9"
        assert command.stop_timeout_seconds == 7.0
        assert "graceful" not in words(command.argv)
        assert profile("gunicorn", command).reload_signal == ""

    def test_a_list_of_binds(self, site: Site) -> None:
        command = self.build(site, 'bind = ["a:1", "unix:web.sock"]')
        assert [listener.bind for listener in command.listeners] == ["a:1", f"unix:{site.directory}/web.sock"]

    @pytest.mark.parametrize(
        "text", ["import os\nbind = os.environ['X']", "bind = 'a:1'\nif 1: bind = 'b:1'", "from x import *"]
    )
    def test_what_is_computed_is_left_to_gunicorn(self, site: Site, text: str) -> None:
        command = self.build(site, text)
        assert (command.listeners, command.handoff, command.problems) == ((), (), ())

    def test_args_win(self, site: Site) -> None:
        command = self.build(site, "bind = compute()\ngraceful_timeout = 7", {"bind": "c:1", "graceful_timeout": 9})
        assert [listener.bind for listener in command.listeners] == ["c:1"]
        assert command.stop_timeout_seconds == 9.0

    def test_a_file_that_is_no_python_is_gunicorns_to_refuse(self, site: Site) -> None:
        assert self.build(site, "bind = (").listeners == ()

    def test_a_file_with_other_settings_changes_nothing(self, site: Site) -> None:
        command = self.build(site, "workers = 3\npreload_app = False\ndef on_starting(server): pass")
        assert command.listeners[0].bind == "127.0.0.1:8000"
        assert profile("gunicorn", command).reload_signal == "HUP"


def test_every_web_server_has_a_name() -> None:
    assert set(WEB) <= set(names())
