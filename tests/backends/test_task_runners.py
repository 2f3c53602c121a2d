"""The task runners' backends as tables: what ARGS become, how they stop, what is a mistake. Nothing is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from procession.backends.base import Command, Profile
from procession.backends.registry import find
from procession.errors import Problem
from procession.stack.model import Declaration, ProbeType, Site, StopStep

SITE = Site(
    directory="/srv/mysite",
    python="/srv/venv/bin/python",
    settings_module="mysite.settings",
    has_app=True,
    installed_apps=(
        "procession",
        "django_tasks_db",
        "django_q",
        "huey.contrib.djhuey",
        "django_dramatiq",
        "django_rq.apps.DjangoRqConfig",
        "procrastinate.contrib.django",
    ),
)
CELERY = ("-m", "celery", "-A", "mysite.celery.app")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """With a manage.py and a directory to look into."""
    (tmp_path / "manage.py").touch()
    return replace(SITE, directory=str(tmp_path))


def build(name: str, declaration: Declaration, site: Site = SITE, stop_timeout_seconds: float = 60.0) -> Command:
    backend = find(name)
    assert backend
    return backend.build(declaration, site, stop_timeout_seconds)


def profile(name: str, declaration: Declaration | None = None, site: Site = SITE) -> Profile:
    backend = find(name)
    assert backend
    return backend.profile(build(name, declaration or Declaration(app="mysite.celery.app"), site))


def words(
    name: str, declaration: Declaration, site: Site = SITE, stop_timeout_seconds: float = 60.0
) -> tuple[str, ...]:
    """The argv behind the interpreter and manage.py."""
    argv = build(name, declaration, site, stop_timeout_seconds).argv
    assert argv[0] == SITE.python
    return argv[2:] if argv[1].endswith("manage.py") else argv[1:]


def ids(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.id for problem in problems]


CELERY_ARGS = {"concurrency": "8", "loglevel": "info", "max-tasks-per-child": "1000"}


@pytest.mark.parametrize(
    ("name", "declaration", "expected"),
    [
        (
            "celery-worker",
            Declaration(app="mysite.celery.app", args=CELERY_ARGS),
            (*CELERY, "worker", "--concurrency=8", "--loglevel=info", "--max-tasks-per-child=1000"),
        ),
        (
            "celery-worker",
            Declaration(app="mysite.celery.app", args={"queues": ["high", "low"], "without_gossip": True}),
            (*CELERY, "worker", "--queues=high,low", "--without-gossip"),
        ),
        (
            "celery-worker",
            Declaration(app="mysite.celery.app", args=("-l", "info")),
            (*CELERY, "worker", "-l", "info"),
        ),
        (
            "celery-beat",
            Declaration(app="mysite.celery.app", args={"loglevel": "info"}),
            (*CELERY, "beat", "--loglevel=info"),
        ),
        (
            "celery-flower",
            Declaration(app="mysite.celery.app", args={"port": 5556, "read-only": True, "basic-auth": ["a:b", "c:d"]}),
            (*CELERY, "flower", "--port=5556", "--read-only=true", "--basic-auth=a:b,c:d"),
        ),
        ("django-tasks-db", Declaration(), ("db_worker", "--no-reload")),
        ("django-tasks-db", Declaration(args={"reload": True}), ("db_worker", "--reload")),
        (
            "django-tasks-db",
            Declaration(args={"queue-name": ["a", "b"], "interval": 0.5}),
            ("db_worker", "--no-reload", "--queue-name=a,b", "--interval=0.5"),
        ),
        ("django-q2", Declaration(args={"name": "long"}), ("qcluster",)),
        ("huey", Declaration(), ("run_huey", "--graceful-signal=TERM", "--shutdown-timeout=58")),
        (
            "huey",
            Declaration(args={"workers": 4, "graceful_signal": "INT", "shutdown-timeout": 5}),
            ("run_huey", "--workers=4", "--graceful-signal=INT", "--shutdown-timeout=5"),
        ),
        ("dramatiq", Declaration(), ("rundramatiq", "--worker-shutdown-timeout=58000")),
        (
            "dramatiq",
            Declaration(args={"queues": ["a", "b"], "worker-shutdown-timeout": 1000}),
            ("rundramatiq", "--queues", "a", "b", "--worker-shutdown-timeout=1000"),
        ),
        ("rq", Declaration(), ("rqworker",)),
        (
            "rq",
            Declaration(args={"queues": ["high", "default"], "with-scheduler": True}),
            ("rqworker", "high", "default", "--with-scheduler"),
        ),
        ("rq", Declaration(args={"queues": "high, default"}), ("rqworker", "high", "default")),
        ("rq", Declaration(args=("high", "--burst")), ("rqworker", "high", "--burst")),
        ("rq-pool", Declaration(args={"num-workers": 4}), ("rqworker-pool", "--num-workers=4")),
        ("rq-cron", Declaration(app="mysite.cron"), ("rqcron", "mysite.cron")),
        ("procrastinate", Declaration(), ("procrastinate", "worker", "--shutdown-graceful-timeout=58")),
        (
            "procrastinate",
            Declaration(args={"queues": ["a", "b"], "concurrency": 4}),
            ("procrastinate", "worker", "--shutdown-graceful-timeout=58", "--queues=a,b", "--concurrency=4"),
        ),
    ],
)
def test_args_become_the_command_that_a_person_means(
    name: str, declaration: Declaration, expected: tuple[str, ...], site: Site
) -> None:
    command = build(name, declaration, site)
    assert words(name, declaration, site) == expected
    assert command.problems == ()


@pytest.mark.parametrize(
    ("name", "ladder"),
    [
        ("celery-worker", (StopStep("TERM", 30.0), StopStep("QUIT", 10.0))),
        ("celery-beat", (StopStep("TERM", 30.0),)),
        ("celery-flower", (StopStep("TERM", 30.0),)),
        ("django-tasks-db", (StopStep("TERM", 30.0), StopStep("TERM", 5.0))),
        ("django-q2", (StopStep("TERM", 30.0),)),
        ("huey", (StopStep("TERM", 30.0), StopStep("TERM", 5.0))),
        ("dramatiq", (StopStep("TERM", 30.0), StopStep("TERM", 5.0))),
        ("rq", (StopStep("TERM", 30.0), StopStep("TERM", 5.0))),
        ("rq-pool", (StopStep("TERM", 30.0), StopStep("TERM", 5.0))),
        ("rq-cron", (StopStep("TERM", 30.0), StopStep("TERM", 5.0))),
        ("procrastinate", (StopStep("TERM", 30.0), StopStep("TERM", 5.0))),
    ],
)
def test_a_stop_begins_with_a_graceful_signal(name: str, ladder: tuple[StopStep, ...]) -> None:
    assert profile(name).ladder(30.0) == ladder


def test_huey_that_was_told_to_heed_int_is_stopped_by_int() -> None:
    assert profile("huey", Declaration(args=("-g", "INT"))).ladder(30.0)[0] == StopStep("INT", 30.0)


@pytest.mark.parametrize("name", ["celery-beat", "rq-cron"])
def test_what_enqueues_by_the_clock_is_a_singleton(name: str) -> None:
    assert profile(name).singleton
    assert profile(name).stop_timeout_seconds == 10.0


@pytest.mark.parametrize("name", ["celery-worker", "django-tasks-db", "django-q2", "huey", "dramatiq", "rq", "rq-pool"])
def test_a_worker_may_be_replicated_and_has_a_minute_to_end(name: str) -> None:
    assert not profile(name).singleton
    assert profile(name).stop_timeout_seconds == 60.0


@pytest.mark.parametrize(
    ("name", "args", "seconds"),
    [
        ("huey", {"shutdown-timeout": 300}, 302.0),
        ("huey", {"shutdown-timeout": "soon"}, None),
        ("dramatiq", {"worker-shutdown-timeout": 600000}, 602.0),
        ("procrastinate", {"shutdown-graceful-timeout": 10}, 12.0),
        ("procrastinate", {}, None),
    ],
)
def test_a_timeout_in_args_is_the_stop_timeout(name: str, args: dict[str, object], seconds: float | None) -> None:
    assert build(name, Declaration(args=args)).stop_timeout_seconds == seconds


def test_the_programs_own_timeout_is_a_little_less_than_the_ladders() -> None:
    assert words("huey", Declaration(), stop_timeout_seconds=5.0)[-1] == "--shutdown-timeout=4"
    assert words("huey", Declaration(), stop_timeout_seconds=30.0)[-1] == "--shutdown-timeout=28"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("celery-worker", "celery-worker"),
        ("celery-beat", "celery-beat"),
        ("django-tasks-db", "django-tasks-db"),
        ("django-q2", "django-q2"),
        ("huey", "huey"),
        ("dramatiq", "dramatiq"),
        ("rq", "rq"),
        ("rq-pool", "rq"),
        ("rq-cron", "rq-cron"),
        ("procrastinate", "procrastinate"),
    ],
)
def test_readiness_is_told_where_the_site_has_the_app(name: str, kind: str) -> None:
    declaration = Declaration(app="mysite.celery.app")
    assert build(name, declaration).environment["PROCESSION_READY"] == kind
    assert profile(name).readiness.type == ProbeType.APP
    without = replace(SITE, has_app=False)
    assert "PROCESSION_READY" not in build(name, declaration, without).environment
    assert profile(name, site=without).readiness.type == ProbeType.NONE


def test_the_name_of_a_q_cluster_goes_by_environment() -> None:
    assert build("django-q2", Declaration(args={"cluster_name": "long"})).environment["Q_CLUSTER_NAME"] == "long"
    assert build("django-q2", Declaration(args=("-n", "long"))).argv[-1] == "qcluster"


@pytest.mark.parametrize(
    ("args", "bind", "path"),
    [
        ({}, "0.0.0.0:5555", "/healthcheck"),
        ({"address": "127.0.0.1", "port": 80, "url_prefix": "/flower/"}, "127.0.0.1:80", "/flower/healthcheck"),
        ({"address": "::1"}, "[::1]:5555", "/healthcheck"),
        ({"unix-socket": "/run/flower.sock"}, "unix:/run/flower.sock", "/healthcheck"),
    ],
)
def test_flower_says_where_it_listens(args: dict[str, object], bind: str, path: str) -> None:
    declaration = Declaration(app="mysite.celery.app", args=args)
    command = build("celery-flower", declaration)
    assert [listener.bind for listener in command.listeners] == [bind]
    assert command.handoff == ()
    assert profile("celery-flower", declaration).readiness.path == path


@pytest.mark.parametrize(
    "alias",
    [
        "celery",
        "beat",
        "flower",
        "rqworker",
        "qcluster",
        "django_prodserver.backends.celery.CeleryWorker",
        "django_prodserver.backends.workers.celery.CeleryWorker",
        "django_prodserver.backends.celery.CeleryBeat",
        "django_prodserver.backends.workers.celery.CeleryBeat",
        "django_prodserver.backends.servers.flower.CeleryFlower",
        "django_prodserver.backends.django_tasks.DjangoTasksWorker",
        "django_prodserver.backends.workers.django_tasks.DjangoTasksWorker",
        "django_prodserver.backends.django_q2.DjangoQ2Worker",
        "django_prodserver.backends.workers.django_q2.DjangoQ2Worker",
    ],
)
def test_old_and_short_names_are_found(alias: str) -> None:
    assert find(alias)


@pytest.mark.parametrize(
    ("files", "settings", "app"),
    [
        (["mysite/celery.py"], "mysite.settings", "mysite.celery"),
        (["config/celery_app.py"], "config.settings.production", "config.celery_app"),
        (["config/settings/celery.py", "config/celery.py"], "config.settings.production", "config.settings.celery"),
        (["celery_app.py"], "settings", "celery_app"),
        (["mysite/celery/__init__.py"], "mysite.settings", "mysite.celery"),
    ],
)
def test_celerys_app_is_found_beside_the_settings(files: list[str], settings: str, app: str, site: Site) -> None:
    for name in files:
        path = Path(site.directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    command = build("celery-worker", Declaration(), replace(site, settings_module=settings))
    assert command.argv[1:5] == ("-m", "celery", "-A", app)
    assert command.problems == ()


def test_a_module_called_celery_at_the_top_is_celery_itself(site: Site) -> None:
    Path(site.directory, "celery.py").touch()
    assert ids(build("celery-worker", Declaration(), replace(site, settings_module="settings")).problems) == ["E060"]


APP = "mysite.celery.app"


@pytest.mark.parametrize(
    ("name", "declaration", "expected"),
    [
        ("celery-worker", Declaration(), ["E060"]),
        ("celery-flower", Declaration(), ["E060"]),
        ("celery-worker", Declaration(app="mysite/celery.py"), ["E061"]),
        ("celery-worker", Declaration(app="mysite.celery:app"), []),
        ("celery-worker", Declaration(app=APP, args={"concurency": 4}), ["E040"]),
        ("celery-flower", Declaration(app=APP, args={"prot": 4}), ["E040"]),
        ("celery-worker", Declaration(app=APP, args={"detach": True}), ["E062"]),
        ("celery-beat", Declaration(app=APP, args=("--detach",)), ["E062"]),
        ("celery-worker", Declaration(app=APP, args={"beat": True}), ["W060"]),
        ("celery-worker", Declaration(app=APP, args=("-B", "-l", "info"), replicas=2), ["W060"]),
        ("celery-worker", Declaration(app=APP, env={"REMAP_SIGTERM": "SIGQUIT"}), ["W062"]),
        ("huey", Declaration(replicas=2), ["W061"]),
        ("huey", Declaration(replicas=2, args={"no-periodic": True}), []),
        ("huey", Declaration(replicas=2, args=("-n",)), []),
        ("huey", Declaration(replicas=1), []),
        ("rq-cron", Declaration(), ["E063"]),
        ("rq-cron", Declaration(args=("mysite.cron", "-l", "DEBUG")), []),
        ("rq", Declaration(), []),
    ],
)
def test_mistakes_are_seen(name: str, declaration: Declaration, expected: list[str], site: Site) -> None:
    assert ids(build(name, declaration, site).problems) == expected


@pytest.mark.parametrize("name", ["django-tasks-db", "django-q2", "huey", "dramatiq", "rq", "rq-pool", "procrastinate"])
def test_an_app_that_is_not_installed_is_seen(name: str) -> None:
    assert ids(build(name, Declaration(), replace(SITE, installed_apps=("procession",))).problems) == ["W064"]
    assert build(name, Declaration(), replace(SITE, installed_apps=())).problems == ()


def test_a_schedule_that_cannot_be_written_is_seen(site: Site) -> None:
    declaration = Declaration(app=APP, args={"schedule": "/nowhere/celerybeat-schedule"})
    assert ids(build("celery-beat", declaration, site).problems) == ["W063"]
    elsewhere = {"scheduler": "django_celery_beat.schedulers:DatabaseScheduler", "schedule": "/nowhere/x"}
    assert build("celery-beat", Declaration(app=APP, args=elsewhere), site).problems == ()
    assert build("celery-beat", Declaration(app=APP), site).problems == ()
