"""`kubectl get -o json` as rows: one for each pod, and one for what has none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from procession.engines.base import Asked, Row, State
from procession.engines.kubernetes.kubectl import kubectl
from procession.engines.kubernetes.names import COMPONENT, label_value, ours
from procession.engines.steps import Steps
from procession.refusal import Refusal
from procession.stack.model import Kind, Process

Object = Mapping[str, Any]

# What a container waits for, in the kubelet's words -> ours. Another word is on its way.
WAITING: Final[Mapping[str, State]] = {
    "CrashLoopBackOff": State.BACKOFF,
    "ImagePullBackOff": State.BACKOFF,
    "ErrImagePull": State.BACKOFF,
    "ErrImageNeverPull": State.FAILED,
    "InvalidImageName": State.FAILED,
    "CreateContainerConfigError": State.FAILED,  # a Secret, or a key of it, is not there
    "CreateContainerError": State.FAILED,
    "RunContainerError": State.FAILED,
}
PHASES: Final[Mapping[str, State]] = {
    "Pending": State.STARTING,
    "Succeeded": State.DONE,
    "Failed": State.FAILED,
    "Unknown": State.UNREADY,
}


def status(asked: Asked) -> Steps[tuple[Row, ...]]:
    """In the order of the declaration; pods by age. Raises Refusal if kubectl cannot ask."""
    words = ("get", "deployments,jobs,pods", f"--selector={ours(asked.stack)}", "-o", "json")
    done = yield kubectl(asked, *words, looks=True)
    if not done.is_well:
        raise Refusal(f"kubectl cannot ask the cluster: {done.last_words()}")
    return rows(asked.stack.processes, json.loads(done.stdout)["items"], datetime.now(UTC))


def rows(processes: Sequence[Process], items: Sequence[Object], now: datetime) -> tuple[Row, ...]:
    """`items` are Deployments, Jobs and Pods in the API's own form."""
    found: list[Row] = []
    by_component: dict[str, list[Object]] = {}
    for item in items:
        by_component.setdefault(_component(item), []).append(item)
    for process in processes:
        own = by_component.get(label_value(process.name), [])
        pods = sorted((item for item in own if item["kind"] == "Pod"), key=_age_key)
        shown = [pod for pod in pods if process.kind is Kind.PROCESS and not _has_ended(pod)]
        found += [_pod_row(process, number, pod, now) for number, pod in enumerate(shown, 1)]
        if not shown:
            found.append(_row_without_pods(process, own, pods))
    return tuple(found)


def _pod_row(process: Process, number: int, pod: Object, now: datetime) -> Row:
    state, word = _state(pod)
    containers = pod.get("status", {}).get("containerStatuses", [])
    began = containers[0].get("state", {}).get("running", {}).get("startedAt") if containers else None
    node = pod.get("spec", {}).get("nodeName", "")
    where = f"{pod['metadata']['name']} on {node}" if node else pod["metadata"]["name"]
    return Row(
        name=f"{process.name}.{number}",
        process=process.name,
        state=state,
        said=f"{word}, {where}" if word else where,
        uptime_seconds=_seconds_since(began, now) if began else None,
        restarts=sum(one.get("restartCount", 0) for one in containers),
    )


def _state(pod: Object) -> tuple[State, str]:
    """The state, and the kubelet's own word for it."""
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"]:
        return State.STOPPING, "Terminating"
    for one in status.get("initContainerStatuses", []):
        if "terminated" not in one.get("state", {}) or one["state"]["terminated"].get("exitCode"):
            state, word = _of_container(one)
            return state if state in (State.BACKOFF, State.FAILED) else State.STARTING, word or f"{one['name']} runs"
    containers = status.get("containerStatuses", [])
    if not containers:
        return PHASES.get(status.get("phase", ""), State.STARTING), _why_not_placed(status)
    return _of_container(containers[0])


def _of_container(one: Object) -> tuple[State, str]:
    state = one.get("state", {})
    last = _death(one.get("lastState", {}).get("terminated", {}))
    if waiting := state.get("waiting"):
        word = waiting.get("reason", "")
        return WAITING.get(word, State.STARTING), ", ".join(part for part in (word, last) if part)
    if ended := state.get("terminated"):
        return (State.FAILED if ended.get("exitCode") else State.DONE), _death(ended)
    if one.get("ready"):
        return State.READY, last and f"before: {last}"
    return (State.UNREADY if one.get("started") else State.STARTING), last and f"before: {last}"


def _death(ended: Object) -> str:
    """ "OOMKilled", "exit code 3": the kubelet's reason where it says more than the code."""
    reason = ended.get("reason", "")
    if reason and reason not in ("Error", "Completed"):
        return str(reason)
    return f"exit code {ended['exitCode']}" if ended.get("exitCode") else ""


def _why_not_placed(status: Object) -> str:
    """ "Unschedulable: 0/3 nodes are available: 3 Insufficient memory."."""
    for one in status.get("conditions", []):
        if one["type"] == "PodScheduled" and one["status"] == "False":
            return f"{one.get('reason', '')}: {one.get('message', '')}"
    return str(status.get("reason", ""))  # "Evicted"


def _row_without_pods(process: Process, own: Sequence[Object], pods: Sequence[Object]) -> Row:
    if process.kind is Kind.TASK:
        return _task_row(process, own, pods)
    deployment = next((item for item in own if item["kind"] == "Deployment"), None)
    if deployment is None:
        return Row(name=process.name, process=process.name, state=State.STOPPED, said="not there")
    wanted = deployment.get("spec", {}).get("replicas", 1)
    if not wanted:
        return Row(name=process.name, process=process.name, state=State.STOPPED)
    said = next((one.get("message", "") for one in _false_or_failing(deployment)), "")
    return Row(name=process.name, process=process.name, state=State.STARTING, said=said)


def _false_or_failing(deployment: Object) -> list[Object]:
    """Why there are no pods: a quota, a policy that refuses them (ReplicaFailure)."""
    found = deployment.get("status", {}).get("conditions", [])
    return [one for one in found if one["type"] == "ReplicaFailure" and one["status"] == "True"]


def _task_row(process: Process, own: Sequence[Object], pods: Sequence[Object]) -> Row:
    """Of the youngest Job: one of an older release may be there still."""
    jobs = sorted((item for item in own if item["kind"] == "Job"), key=_age_key)
    if not jobs:
        return Row(name=process.name, process=process.name, state=State.STOPPED, said="not there")
    reached = {one["type"] for one in jobs[-1].get("status", {}).get("conditions", []) if one["status"] == "True"}
    name = jobs[-1]["metadata"]["name"]
    if "Complete" in reached:
        return Row(name=process.name, process=process.name, state=State.DONE, said=name)
    of_job = [pod for pod in pods if pod["metadata"].get("labels", {}).get("job-name") == name]
    state, word = _state(of_job[-1]) if of_job else (State.STARTING, "")
    if "Failed" in reached:
        return Row(name=process.name, process=process.name, state=State.FAILED, said=word or name)
    running = State.STARTING if state in (State.READY, State.DONE) else state
    return Row(name=process.name, process=process.name, state=running, said=word or name)


def _component(item: Object) -> str:
    return str(item["metadata"].get("labels", {}).get(COMPONENT, ""))


def _has_ended(pod: Object) -> bool:
    """Evicted pods stay as records until somebody deletes them; their successors are what runs."""
    return pod.get("status", {}).get("phase") in ("Failed", "Succeeded")


def _age_key(item: Object) -> tuple[str, str]:
    return item["metadata"].get("creationTimestamp", ""), item["metadata"]["name"]


def _seconds_since(text: str, now: datetime) -> float:
    return max(0.0, (now - datetime.fromisoformat(text)).total_seconds())
