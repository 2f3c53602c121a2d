"""Deployments for what runs on, Jobs for what runs to its end."""

from __future__ import annotations

from collections.abc import Mapping

from procession.engines.kubernetes.names import Labels, digest, labels, object_name, selector
from procession.engines.kubernetes.pod import Plan, template
from procession.engines.kubernetes.stopping import grace_seconds
from procession.engines.text.yaml import Data
from procession.stack.model import Process, RestartWhen

Object = Mapping[str, Data]
REVISIONS = 5  # so far `kubectl rollout undo` reaches back
PROGRESS_SECONDS_MIN = 600
JOB_KEPT_SECONDS = 7 * 86400  # a Job that ended; with another image there is another one
JOB_RETRIES = 6


def metadata(name: str, process: str, plan: Plan, annotations: Mapping[str, str] | None = None) -> Labels:
    """Of an object, not of a pod."""
    found: Labels = {"name": name, "labels": labels(plan.stack, process, plan.options.image or "")}
    return {**found, "annotations": dict(annotations)} if annotations else found


def deployment(process: Process, plan: Plan) -> Object:
    """One process. Its replicas are left out where an autoscaler says how many there are."""
    name = object_name(plan.stack.name, process.name)
    replicas: dict[str, Data] = {} if process.name in plan.options.autoscale else {"replicas": replicas_of(process)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(name, process.name, plan),
        "spec": {
            **replicas,
            "revisionHistoryLimit": REVISIONS,
            "progressDeadlineSeconds": progress_seconds(process, plan),
            "strategy": _strategy(process),
            "selector": {"matchLabels": selector(plan.stack, process.name)},
            "template": _spread(template(process, plan), process, plan),
        },
    }


def job(task: Process, plan: Plan) -> Object:
    """One run of a task, named by all that it is: a Job cannot be changed, so another image is another Job."""
    pod = template(task, plan)
    spec = pod["spec"]
    assert isinstance(spec, dict)
    retries = task.restart is not RestartWhen.NEVER
    spec = {"restartPolicy": "OnFailure" if retries else "Never", **spec}
    name = f"{object_name(plan.stack.name, task.name)}-{digest([pod, plan.options.release])}"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(name, task.name, plan),
        "spec": {
            "backoffLimit": JOB_RETRIES if retries else 0,
            "ttlSecondsAfterFinished": JOB_KEPT_SECONDS,
            "template": {**pod, "spec": spec},
        },
    }


def replicas_of(process: Process) -> int:
    return min(1, process.replicas) if process.singleton else process.replicas


def is_many(process: Process, plan: Plan) -> bool:
    """Whether there is, at times, more than one pod of it."""
    scale = plan.options.autoscale.get(process.name)
    return max(process.replicas, scale.highest if scale else 0) > 1 and not process.singleton


def progress_seconds(process: Process, plan: Plan) -> int:
    """A roll without progress for this long has failed: one start, and the end of what it replaces."""
    within = (process.startup or process.readiness).within_seconds
    return max(PROGRESS_SECONDS_MIN, int(within) + grace_seconds(process, plan.options) + 60)


def _strategy(process: Process) -> Data:
    """A singleton's old pod is gone before the new one starts. Of all others none goes before a new one is ready."""
    if process.singleton:
        return {"type": "Recreate"}
    surge = process.max_surge
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0 if surge else 1}}


def _spread(pod: dict[str, Data], process: Process, plan: Plan) -> Data:
    """Several pods stand on several nodes, if there are any; those of a new revision are counted by themselves."""
    if not is_many(process, plan):
        return pod
    constraint: Data = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(plan.stack, process.name)},
        "matchLabelKeys": ["pod-template-hash"],
    }
    spec = pod["spec"]
    assert isinstance(spec, dict)
    return {**pod, "spec": {**spec, "topologySpreadConstraints": [constraint]}}
