"""`status` from what `kubectl get -o json` prints.

No cluster could be had: these are the API's documented shapes (Pod, Deployment and Job of the reference, the reasons of
the kubelet's source), written by hand and cut down to what is read.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from procession.engines.base import Asked, Row, State
from procession.engines.kubernetes.status import rows, status
from procession.engines.steps import Command
from procession.refusal import Refusal
from procession.run import Done
from tests.engines.kubernetes.stacks import BEAT, MIGRATE, OPTIONS, WEB, stack

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
RUNNING = {"running": {"startedAt": "2026-05-01T11:59:00Z"}}


def labels(component: str, **more: str) -> dict[str, str]:
    return {"app.kubernetes.io/component": component, "app.kubernetes.io/instance": "mysite", **more}


def pod(name: str = "mysite-web-5d9c7b-x2x4z", component: str = "web", *, made: str = "2026-05-01T11:00:00Z",
        status: Any = None, **metadata: Any) -> Any:  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels(component), "creationTimestamp": made, **metadata},
        "spec": {"nodeName": "node-2"},
        "status": status or {"phase": "Running", "containerStatuses": [contained(RUNNING, ready=True)]},
    }


def contained(state: Any, *, ready: bool = False, started: bool = False, restarts: int = 0, last: Any = None) -> Any:
    return {"name": "main", "state": state, "ready": ready, "started": started or ready, "restartCount": restarts,
            "lastState": last or {}}  # fmt: skip


def ended(code: int, reason: str) -> Any:
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": "2026-05-01T11:58:00Z"}}


def seen(**status: Any) -> tuple[State, str]:
    """The state of one web pod with this status, and what is said of it."""
    [row] = rows([WEB], [pod(status=status)], NOW)
    return row.state, row.said.removesuffix("mysite-web-5d9c7b-x2x4z on node-2").removesuffix(", ")


def test_a_pod_that_is_ready() -> None:
    assert rows([WEB], [pod()], NOW) == (
        Row(name="web.1", process="web", state=State.READY, said="mysite-web-5d9c7b-x2x4z on node-2",
            uptime_seconds=60.0, restarts=0),
    )  # fmt: skip


CONTAINERS = [
    (contained(RUNNING), (State.STARTING, "")),
    (contained(RUNNING, started=True), (State.UNREADY, "")),
    (contained(RUNNING, ready=True, restarts=1, last=ended(137, "OOMKilled")), (State.READY, "before: OOMKilled")),
    (contained({"waiting": {"reason": "ContainerCreating"}}), (State.STARTING, "ContainerCreating")),
    (contained({"waiting": {"reason": "ImagePullBackOff"}}), (State.BACKOFF, "ImagePullBackOff")),
    (contained({"waiting": {"reason": "ErrImagePull"}}), (State.BACKOFF, "ErrImagePull")),
    (
        contained({"waiting": {"reason": "CrashLoopBackOff"}}, last=ended(3, "Error")),
        (State.BACKOFF, "CrashLoopBackOff, exit code 3"),
    ),
    (
        contained({"waiting": {"reason": "CrashLoopBackOff"}}, last=ended(137, "OOMKilled")),
        (State.BACKOFF, "CrashLoopBackOff, OOMKilled"),
    ),
    (
        contained({"waiting": {"reason": "CreateContainerConfigError"}}),
        (State.FAILED, "CreateContainerConfigError"),
    ),
    (contained(ended(1, "Error")), (State.FAILED, "exit code 1")),
    (contained(ended(0, "Completed")), (State.DONE, "")),
]


@pytest.mark.parametrize(("container", "expected"), CONTAINERS)
def test_what_the_kubelet_says_of_a_container(container: Any, expected: tuple[State, str]) -> None:
    assert seen(phase="Running", containerStatuses=[container]) == expected


def test_a_pod_that_waits_for_its_migration() -> None:
    waiting = {"name": "wait-migrate", "state": RUNNING, "lastState": {}}
    main = contained({"waiting": {"reason": "PodInitializing"}})
    found = seen(phase="Pending", initContainerStatuses=[waiting], containerStatuses=[main])
    assert found == (State.STARTING, "wait-migrate runs")
    done = {"name": "wait-migrate", "state": ended(0, "Completed"), "lastState": {}}
    ready = contained(RUNNING, ready=True)
    assert seen(phase="Running", initContainerStatuses=[done], containerStatuses=[ready]) == (State.READY, "")


def test_a_pod_that_has_no_place() -> None:
    why = "0/3 nodes are available: 3 Insufficient memory."
    placed = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
    assert seen(phase="Pending", conditions=[placed]) == (State.STARTING, f"Unschedulable: {why}")


def test_a_pod_that_is_told_to_end() -> None:
    [row] = rows([WEB], [pod(deletionTimestamp="2026-05-01T12:00:00Z")], NOW)
    assert (row.state, row.said) == (State.STOPPING, "Terminating, mysite-web-5d9c7b-x2x4z on node-2")


def test_pods_are_counted_by_age_and_evicted_ones_are_not() -> None:
    items = [
        pod("b", made="2026-05-01T11:30:00Z"),
        pod("a", made="2026-05-01T11:40:00Z"),
        pod("gone", made="2026-05-01T11:20:00Z", status={"phase": "Failed", "reason": "Evicted"}),
    ]
    assert [(row.name, row.said) for row in rows([WEB], items, NOW)] == [
        ("web.1", "b on node-2"),
        ("web.2", "a on node-2"),
    ]


def deployment(replicas: int, *conditions: Any) -> Any:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "mysite-web", "labels": labels("web"), "creationTimestamp": "2026-05-01T11:00:00Z"},
        "spec": {"replicas": replicas},
        "status": {"conditions": list(conditions)},
    }


def test_a_deployment_without_pods() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: small"}
    assert [row.state for row in rows([WEB], [deployment(0)], NOW)] == [State.STOPPED]
    assert [row.state for row in rows([WEB], [deployment(2)], NOW)] == [State.STARTING]
    assert [row.said for row in rows([WEB], [deployment(2, refused)], NOW)] == ["exceeded quota: small"]
    assert [row.said for row in rows([WEB], [], NOW)] == ["not there"]


def job(name: str = "mysite-migrate-1", *, made: str = "2026-05-01T11:00:00Z", reached: str = "") -> Any:
    condition = [{"type": reached, "status": "True"}] if reached else []
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels("migrate"), "creationTimestamp": made},
        "status": {"conditions": condition},
    }


def task(*items: Any) -> tuple[State, str]:
    [row] = rows([MIGRATE], items, NOW)
    return row.state, row.said


def of_job(status: Any) -> Any:
    found = pod("mysite-migrate-1-q7", "migrate", status=status)
    found["metadata"]["labels"] = labels("migrate", **{"job-name": "mysite-migrate-1"})
    return found


def test_a_task() -> None:
    died = of_job({"phase": "Failed", "containerStatuses": [contained(ended(1, "Error"))]})
    assert task(job(reached="Complete")) == (State.DONE, "mysite-migrate-1")
    assert task(job(reached="Failed"), died) == (State.FAILED, "exit code 1")
    runs = of_job({"phase": "Running", "containerStatuses": [contained(RUNNING, ready=True)]})
    assert task(job(), runs) == (State.STARTING, "mysite-migrate-1")
    pulls = of_job({"phase": "Pending", "containerStatuses": [contained({"waiting": {"reason": "ImagePullBackOff"}})]})
    assert task(job(), pulls) == (State.BACKOFF, "ImagePullBackOff")
    assert task() == (State.STOPPED, "not there")


def test_the_youngest_job_counts() -> None:
    older = job("mysite-migrate-0", made="2026-04-01T11:00:00Z", reached="Failed")
    assert task(older, job(reached="Complete")) == (State.DONE, "mysite-migrate-1")


def test_the_question_and_the_answer() -> None:
    steps = status(Asked(stack=stack(MIGRATE, WEB, BEAT), options=OPTIONS, directory="/manifests"))
    asked = next(steps)
    assert isinstance(asked, Command)
    assert asked.looks
    assert asked.text() == (
        "kubectl get deployments,jobs,pods "
        "--selector=app.kubernetes.io/managed-by=procession,app.kubernetes.io/instance=mysite -o json"
    )
    with pytest.raises(StopIteration) as end:
        steps.send(Done(0, json.dumps({"apiVersion": "v1", "kind": "List", "items": [job(reached="Complete"), pod()]})))
    assert [(row.name, row.state) for row in end.value.value] == [
        ("migrate", State.DONE),
        ("web.1", State.READY),
        ("beat", State.STOPPED),
    ]


def test_a_cluster_that_does_not_answer() -> None:
    steps = status(Asked(stack=stack(), options=OPTIONS, directory="/manifests"))
    next(steps)
    with pytest.raises(Refusal, match="kubectl cannot ask the cluster: connection refused"):
        steps.send(Done(1, "", "connection refused\n"))
