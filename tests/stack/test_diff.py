"""Two stacks: what is different, what it does to what runs, and no secret in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from procession.stack.codec import from_data, to_data
from procession.stack.diff import Change, Effect, FieldChange, diff, lines
from procession.stack.model import Kind, Log, Origin, Probe, Process, Stack

WEB = Process(
    name="web",
    kind=Kind.PROCESS,
    backend="gunicorn",
    argv=("/venv/bin/python", "-m", "gunicorn", "x", "--workers=4", "--bind=:80"),
    directory="/srv",
    environment={"DEBUG": "0", "SECRET_KEY": "hunter2", "BROKER": "redis://:hunter2@host/0"},
)
WORKER = replace(WEB, name="worker")


def stack(*processes: Process) -> Stack:
    return Stack(name="site", directory="/srv", processes=processes)


def changed(**fields: object) -> list[str]:
    return lines(diff(stack(WEB), stack(replace(WEB, **fields))))  # type: ignore[arg-type]


def test_equal_stacks_have_no_difference() -> None:
    assert diff(stack(WEB, WORKER), from_data(Stack, to_data(stack(WEB, WORKER)))) == ()


def test_new_and_gone() -> None:
    assert diff(None, stack(WEB)) == (Change("web", Effect.START),)
    found = diff(stack(WEB), stack(WORKER))
    assert found == (Change("worker", Effect.START), Change("web", Effect.STOP))
    assert lines(found) == ["+ worker: new", "- web: no longer declared, stops"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"argv": (*WEB.argv[:4], "--workers=8", "--bind=:80", "--preload")},
            ["~ web: restarts", "    argv: --workers=4 -> --workers=8", "    argv: + --preload"],
        ),
        ({"replicas": 3}, ["~ web: 1 -> 3 instances", "    replicas: 1 -> 3"]),
        (
            {"environment": {**WEB.environment, "DEBUG": "1", "NEW": "x"}},
            ["~ web: restarts", "    environment.DEBUG: 0 -> 1", "    environment.NEW: + x"],
        ),
        (
            {"environment": {"DEBUG": "0", "BROKER": "redis://:hunter2@host/0"}},
            ["~ web: restarts", "    environment.SECRET_KEY: - [hidden]"],
        ),
        (
            {"environment": {**WEB.environment, "SECRET_KEY": "hunter3"}},
            ["~ web: restarts", "    environment.SECRET_KEY: a hidden value is different"],
        ),
        (
            {"environment": {**WEB.environment, "BROKER": "redis://:hunter2@other/0"}},
            [
                "~ web: restarts",
                "    environment.BROKER: redis://:[hidden]@host/0 -> redis://:[hidden]@other/0",
            ],
        ),
        ({"argv": (*WEB.argv, "--password", "x")}, ["~ web: restarts", "    argv: + --password '[hidden]'"]),
        ({"log": Log(keep=3)}, ["~ web: goes on running", "    log.keep: 10 -> 3"]),
        ({"readiness": Probe(path="/x/")}, ["~ web: restarts", "    readiness.path: / -> /x/"]),
        ({"liveness": Probe()}, None),
        ({"origin": Origin("toml", "x", 5)}, []),
    ],
)
def test_a_change_is_told_field_by_field(fields: dict[str, object], text: list[str] | None) -> None:
    found = changed(**fields)
    assert found == text if text is not None else found[0] == "~ web: restarts"
    assert "hunter" not in str(found)


def test_a_secret_in_argv_that_changes_is_not_shown() -> None:
    old, new = (stack(replace(WEB, argv=("x", f"--api-key={value}"))) for value in ("one", "two"))
    [change] = diff(old, new)
    assert change == Change("web", Effect.RESTART, (FieldChange("argv", "[hidden]", "[hidden]"),))


def test_what_differs_with_a_listener_and_without_one_is_said_once() -> None:
    old, new = (
        stack(replace(WEB, argv=("x", f"--workers={count}", "--bind=:80"), handoff=("x", f"--workers={count}", *fd)))
        for count, fd in ((4, ()), (8, ("--bind=fd://3",)))
    )
    assert lines(diff(old, new)) == [
        "~ web: restarts",
        "    argv: --workers=4 -> --workers=8",
        "    handoff: --workers=4 -> --workers=8 --bind=fd://3",
    ]
    same = stack(replace(WEB, argv=("x", "--workers=8", "--bind=:80"), handoff=("x", "--workers=8")))
    assert lines(diff(old, same)) == ["~ web: restarts", "    argv: --workers=4 -> --workers=8"]


def test_changes_are_plain_data() -> None:
    found = diff(stack(WEB), stack(replace(WEB, replicas=2), WORKER))
    assert tuple(from_data(Change, to_data(change)) for change in found) == found
