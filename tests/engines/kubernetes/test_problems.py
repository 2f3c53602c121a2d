"""What is said of a declaration that Kubernetes cannot do as it is, and of options that are wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from procession.engines import registry
from procession.engines.kubernetes.options import Autoscale, Options
from procession.engines.kubernetes.problems import MISSING, problems
from procession.engines.options import read_options
from procession.errors import Problem
from procession.stack.model import (
    Condition,
    Dependency,
    Limits,
    Listener,
    Probe,
    ProbeType,
    Process,
    RestartWhen,
)
from tests.engines.kubernetes.stacks import BEAT, MIGRATE, OPTIONS, WEB, WORKER, stack


def said(process: Process = WEB, options: Options = OPTIONS) -> list[tuple[str, str]]:
    return [(one.id, one.where) for one in problems(stack(MIGRATE, process), options)]


def only(process: Process = WEB, options: Options = OPTIONS) -> Problem:
    [problem] = problems(stack(MIGRATE, process), options)
    return problem


@pytest.mark.parametrize("process", [WEB, WORKER, BEAT])
def test_what_it_can_do_needs_no_word(process: Process) -> None:
    assert said(process) == []


def test_an_image_is_missing() -> None:
    assert only(options=Options()).is_error
    assert "\n".join(only(options=Options()).lines()) == (
        "stack.engines.kubernetes.image: no image is named for the pods to run    [procession.E130]\n"
        '    from PRODUCTION_STACK["ENGINES"]["kubernetes"]["IMAGE"] · '
        'write: "IMAGE": "registry.example/mysite:1.4", the image that holds the site'
    )


@pytest.mark.parametrize(
    ("options", "id"),
    [
        (replace(OPTIONS, image="mysite:latest"), "W130"),
        (replace(OPTIONS, version="1.27"), "E131"),
        (replace(OPTIONS, version="new"), "E131"),
        (replace(OPTIONS, uid=0), "E131"),
        (replace(OPTIONS, volumes=("media",)), "E131"),
        (replace(OPTIONS, writable=("cache",)), "E131"),
        (replace(OPTIONS, host="x.example", public="migrate"), "E131"),
        (replace(OPTIONS, autoscale={"wbe": Autoscale()}), "E132"),
        (replace(OPTIONS, autoscale={"migrate": Autoscale()}), "E132"),
        (replace(OPTIONS, autoscale={"web": Autoscale(lowest=3, highest=2)}), "E132"),
        (replace(OPTIONS, autoscale={"web": Autoscale(lowest=0)}), "E132"),
        (replace(OPTIONS, autoscale={"web": Autoscale(trigger="redis")}), "E132"),
    ],
)
def test_options_that_are_wrong(options: Options, id: str) -> None:
    assert only(options=options).id == id


def test_a_singleton_is_not_scaled() -> None:
    assert only(BEAT, replace(OPTIONS, autoscale={"beat": Autoscale()})).id == "E132"


def test_where_a_secret_would_have_been() -> None:
    problem = only(replace(WEB, environment={"SECRET_KEY": "hush"}))
    assert (problem.id, problem.where) == ("W101", "web.env.SECRET_KEY")
    assert problem.what == "a secret, in no manifest, and read from the key web.SECRET_KEY of the Secret mysite-secrets"


def test_an_env_file_stays_here() -> None:
    assert only(replace(WEB, env_files=("/srv/mysite/.env",))).id == "W132"
    assert said(replace(WEB, env_files=("/srv/mysite/.env",)), replace(OPTIONS, secret="mysite-env")) == []


@pytest.mark.parametrize("bind", ["unix:/run/web.sock", "127.0.0.1:9000"])
def test_an_address_that_nobody_outside_reaches(bind: str) -> None:
    assert only(replace(WEB, argv=("serve",), listeners=(Listener(bind),))).id == "W133"


ASKED = [
    ("limits.files", replace(WEB, limits=Limits(files=4096))),
    ("limits.processes", replace(WEB, limits=Limits(processes=10))),
    ("limits.nice", replace(WEB, limits=Limits(nice=5))),
    ("limits.core", replace(WEB, limits=Limits(core_bytes=0))),
    ("umask", replace(WEB, umask=0o027)),
    ("max_age", replace(WEB, max_age_seconds=3600.0)),
]


@pytest.mark.parametrize(("field", "process"), ASKED)
def test_what_a_pod_does_not_have(field: str, process: Process) -> None:
    assert said(process) == [("W134", f"web.{field}")]


def test_all_of_it_is_tried() -> None:
    assert [field for field, _ in ASKED] == [field for field, _, _ in MISSING]


def test_a_user_of_this_machine_and_another_restart() -> None:
    assert said(replace(WEB, user="www-data")) == [("W134", "web.user")]
    assert said(replace(WEB, restart=RestartWhen.ON_FAILURE)) == [("W134", "web.restart")]


def test_nobody_hears_a_program_that_says_it_is_ready() -> None:
    assert only(replace(WORKER, readiness=Probe(type=ProbeType.NOTIFY))).id == "W135"


def test_beat_has_no_place_for_its_schedule() -> None:
    assert only(replace(BEAT, argv=BEAT.argv[:-1])).id == "W136"
    assert said(replace(BEAT, argv=(*BEAT.argv[:-1], "-S", "redbeat.RedBeatScheduler"))) == []


def test_what_the_cluster_does_not_wait_for() -> None:
    static = replace(MIGRATE, name="static", argv=("python", "/srv/mysite/manage.py", "collectstatic"))
    web = replace(WEB, depends_on=(Dependency("static", Condition.COMPLETED), Dependency("worker", Condition.READY)))
    found = problems(stack(static, WORKER, web), OPTIONS)
    assert [(one.id, one.where) for one in found] == [
        ("W137", "web.depends_on.static"),
        ("W137", "web.depends_on.worker"),
    ]


def test_options_are_read_from_the_declaration() -> None:
    raw = {
        "IMAGE": "mysite:1",
        "REQUEST_MEMORY": "1G",
        "PRE_STOP": "10s",
        "AUTOSCALE": {"worker": {"HIGHEST": 5, "TRIGGER": "redis", "METADATA": {"listName": "celery"}}},
        "INGRESS_ANNOTATIONS": {"cert-manager.io/cluster-issuer": "letsencrypt"},
    }
    options, found = read_options(registry.engine("kubernetes"), replace(stack(), engines={"kubernetes": raw}))
    assert found == []
    assert options.autoscale["worker"] == Autoscale(highest=5, trigger="redis", metadata={"listName": "celery"})
    assert (options.request_memory_bytes, options.pre_stop_seconds) == (2**30, 10.0)
    assert options.ingress_annotations == {"cert-manager.io/cluster-issuer": "letsencrypt"}


def test_a_mistake_in_them_is_shown_with_its_place() -> None:
    raw = {"IMAGE": "mysite:1", "AUTOSCALE": {"worker": {"HIGHST": 5}, "web": 3}, "INGRESS_ANNOTATIONS": ["x"]}
    _, found = read_options(registry.engine("kubernetes"), replace(stack(), engines={"kubernetes": raw}))
    assert [(one.id, one.where) for one in found] == [
        ("E001", "stack.engines.kubernetes.autoscale.worker.highst"),
        ("E002", "stack.engines.kubernetes.autoscale.web"),
        ("E002", "stack.engines.kubernetes.ingress_annotations"),
    ]
