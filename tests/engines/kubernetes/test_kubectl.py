"""Each command that a verb makes, given to the real kubectl: it finds nobody at the address, and no fault in the words.

No cluster can be had for a test. But a flag that kubectl does not have, or two that do not go together, it refuses
before it looks for one.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from procession.engines import files
from procession.engines.base import Asked
from procession.engines.kubernetes import ENGINE
from procession.engines.kubernetes.options import Autoscale
from procession.engines.kubernetes.render import render
from procession.engines.steps import Await, Command, Show, Step, Steps
from procession.refusal import Refusal
from procession.run import Done
from tests.engines.kubernetes.stacks import BEAT, KUBECTL, MIGRATE, OPTIONS, WEB, WORKER, stack

QUEUE = Autoscale(trigger="redis", metadata={"listName": "celery"})
SITE = stack(MIGRATE, WEB, WORKER, BEAT)
ROOMY = replace(OPTIONS, namespace="live", context="test", autoscale={"worker": QUEUE}, gateway="public", host="a.b")
COMPLETE = json.dumps({"status": {"conditions": [{"type": "Complete", "status": "True"}]}, "items": []})
REFUSED = "refused"


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment for kubectl, with a cluster whose address is taken, and at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": f"https://127.0.0.1:{held.getsockname()[1]}"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "users": [{"name": "test", "user": {"token": "none"}}],
            "current-context": "test",
        }
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(config))
        yield {**os.environ, "KUBECONFIG": str(path), "HOME": str(tmp_path)}


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    folder = tmp_path / "manifests"
    rendering = render(SITE, ROOMY)
    files.write(str(folder), rendering.files, files.compare(rendering.files, {}, "mysite"))
    return Asked(stack=SITE, options=ROOMY, directory=str(folder))


def say(steps: Steps[Any], environment: Mapping[str, str]) -> list[Done]:
    """What kubectl says to each command; to the verb, all is well."""
    said: list[Done] = []
    try:
        step = next(steps)
        while True:
            step = steps.send(_answer(step, environment, said))
    except (StopIteration, Refusal):
        return said


def _answer(step: Step, environment: Mapping[str, str], said: list[Done]) -> Done:
    command = step.look if isinstance(step, Await) else step.command if isinstance(step, Show) else step
    if isinstance(command, Command):
        argv = [KUBECTL, *command.argv[1:]]
        done = subprocess.run(argv, env=environment, input=command.given, capture_output=True, text=True, check=False)
        said.append(Done(done.returncode, done.stdout, done.stderr))
    is_data = isinstance(command, Command) and command.argv[-1] in ("json", "--ignore-not-found")
    return Done(0, COMPLETE if is_data else "")


VERBS: list[tuple[str, dict[str, Any], int]] = [
    ("start", {}, 7),  # three Deployments to scale and to wait for, and KEDA to be told
    ("stop", {}, 4),
    ("restart", {"names": ("web",)}, 2),
    ("roll", {"names": ("beat",)}, 2),
    ("scale", {"replicas": {"web": 3}}, 2),
    ("down", {}, 3),
    ("logs", {"names": ("web", "worker"), "follow": True, "since": datetime(2026, 11, 21, tzinfo=UTC)}, 1),
    ("logs", {"lines": None}, 1),
    ("events", {}, 1),
    ("events", {"follow": True}, 1),
]


@pytest.mark.parametrize(("verb", "more", "count"), VERBS)
def test_a_verbs_commands(verb: str, more: dict[str, Any], count: int, asked: Asked, nobody: dict[str, str]) -> None:
    said = say(ENGINE.verbs[verb](replace(asked, **more)), nobody)
    assert len(said) == count
    assert all(REFUSED in done.stderr for done in said), said


def test_the_commands_of_apply(asked: Asked, nobody: dict[str, str]) -> None:
    said = say(ENGINE.apply(asked), nobody)
    assert len(said) == 12
    assert all(REFUSED in done.stderr for done in said), said


def test_the_commands_of_the_check(asked: Asked, nobody: dict[str, str]) -> None:
    kustomized, tried = say(ENGINE.check(asked), nobody)
    assert kustomized.is_well
    assert REFUSED in tried.stderr


def test_those_of_status(asked: Asked, nobody: dict[str, str]) -> None:
    [done] = say(ENGINE.status(asked), nobody)
    assert REFUSED in done.stderr


def test_a_flag_that_kubectl_does_not_have_is_seen(nobody: dict[str, str]) -> None:
    def wrong() -> Steps[None]:
        yield Command(argv=("kubectl", "rollout", "status", "deployment/web", "--patience=1s"))

    [done] = say(wrong(), nobody)
    assert "unknown flag" in done.stderr
    assert REFUSED not in done.stderr
