"""The pod of a process or a task: what runs in it, as whom, with what room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from procession.engines.kubernetes import environment, inside, probes, scripts, stopping
from procession.engines.kubernetes.environment import Environment
from procession.engines.kubernetes.names import Labels, labels, object_name, selector
from procession.engines.kubernetes.options import Options
from procession.engines.text.kubernetes import kubernetes_value
from procession.engines.text.yaml import Data
from procession.stack.model import Condition, Kind, Process, Stack

CONTAINER = "main"
PRIVILEGED_PORTS_BELOW = 1024
MILLI = 1000
MEMORY_UNITS = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))
MIGRATE_COMMANDS = ("manage.py", "django-admin", "django")  # the word before `migrate`


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one rendering knows."""

    stack: Stack
    options: Options
    environment: Environment


def template(process: Process, plan: Plan) -> dict[str, Data]:
    """A pod template: `metadata` and `spec`."""
    annotations = {
        "kubectl.kubernetes.io/default-container": CONTAINER,
        **environment.checksums(plan.environment, plan.options),
    }
    return {"metadata": {"labels": _labels(process, plan), "annotations": annotations}, "spec": spec(process, plan)}


def spec(process: Process, plan: Plan) -> dict[str, Data]:
    """Everything of the restricted Pod Security Standard, and no API token: nothing here talks to the API server."""
    options = plan.options
    waits = [_waiting(task, plan) for task in migrations(process, plan.stack)]
    found: dict[str, Data] = {
        "securityContext": _pod_security(process, options),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # else a Service named `web` sets WEB_PORT=tcp://... in every pod
        "terminationGracePeriodSeconds": stopping.grace_seconds(process, options),
        **({"initContainers": waits} if waits else {}),
        "containers": [_main(process, plan)],
        "volumes": list(_volumes(options)),
    }
    if options.pull_secret:
        found["imagePullSecrets"] = [{"name": options.pull_secret}]
    return found


def migrations(process: Process, stack: Stack) -> list[Process]:
    """The tasks that it waits for, of which Django itself knows whether they are done: `migrate --check`."""
    found = [stack.process(one.name) for one in process.depends_on if one.condition is Condition.COMPLETED]
    return [task for task in found if task is not None and is_migration(task)]


def is_migration(task: Process) -> bool:
    pairs = zip(task.argv, task.argv[1:], strict=False)
    return any(word == "migrate" and before.rpartition("/")[2] in MIGRATE_COMMANDS for before, word in pairs)


def _main(process: Process, plan: Plan) -> dict[str, Data]:
    ports: list[Data] = [{"name": port_name(port), "containerPort": port} for port in inside.ports(process)]
    lifecycle = stopping.lifecycle(process, plan.options) if process.kind is Kind.PROCESS else {}
    asked = probes.probes(process, plan.stack, plan.options) if process.kind is Kind.PROCESS else {}
    return {
        **_container(CONTAINER, inside.command(process, plan.stack, plan.options), process, plan),
        **({"ports": ports} if ports else {}),
        **asked,
        **({"lifecycle": lifecycle} if lifecycle else {}),
    }


def port_name(port: int) -> str:
    """Of a container's port and a Service's, by which the Ingress and probes' readers find it."""
    return f"port-{port}"


def _waiting(task: Process, plan: Plan) -> dict[str, Data]:
    """An init container: it ends when the database is as the new code wants it, whoever migrated it."""
    asked = [*inside.command(task, plan.stack, plan.options), "--check"]
    return _container(f"wait-{object_name(task.name)}", scripts.run(scripts.MIGRATED, plan.options, *asked), task, plan)


def _container(name: str, command: tuple[str, ...] | list[str], process: Process, plan: Plan) -> dict[str, Data]:
    stack, options, found = plan.stack, plan.options, plan.environment
    sources = environment.sources(found, stack, options)
    variables = environment.variables(process, found, stack, options)
    return {
        "name": name,
        "image": options.image,
        "command": [kubernetes_value(word) for word in command],
        "workingDir": inside.path(process.directory, stack, options),
        **({"envFrom": sources} if sources else {}),
        **({"env": variables} if variables else {}),
        "resources": _resources(process, options),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": list(_mounts(options)),
    }


def _pod_security(process: Process, options: Options) -> dict[str, Data]:
    found: dict[str, Data] = {
        "runAsNonRoot": True,
        "runAsUser": options.uid,
        "runAsGroup": options.uid,
        "fsGroup": options.uid,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if any(port < PRIVILEGED_PORTS_BELOW for port in inside.ports(process)):
        found["sysctls"] = [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]  # one of the safe ones
    return found


def _resources(process: Process, options: Options) -> dict[str, Data]:
    """Memory is requested in full, as what a pod has beyond that is taken from it first; of the processor, a share."""
    limits: dict[str, Data] = {}
    if process.limits.cpu:
        limits["cpu"] = f"{max(1, round(process.limits.cpu * MILLI))}m"
    if process.limits.memory_bytes:
        limits["memory"] = memory(process.limits.memory_bytes)
    cores = min(options.request_cpu, process.limits.cpu or options.request_cpu)
    requests: dict[str, Data] = {
        "cpu": f"{max(1, round(cores * MILLI))}m",
        "memory": memory(process.limits.memory_bytes or options.request_memory_bytes),
    }
    return {"requests": requests, **({"limits": limits} if limits else {})}


def memory(size_bytes: int) -> str:
    """2147483648 is 2Gi."""
    unit, size = next(((unit, size) for unit, size in MEMORY_UNITS if size_bytes % size == 0), ("", 1))
    return f"{size_bytes // size}{unit}"


def _labels(process: Process, plan: Plan) -> Labels:
    return {**selector(plan.stack, process.name), **labels(plan.stack, process.name, plan.options.image or "")}


def _volumes(options: Options) -> Iterator[Data]:
    yield {"name": "tmp", "emptyDir": {}}
    for number, _ in enumerate(options.writable, 1):
        yield {"name": f"writable-{number}", "emptyDir": {}}
    for number, (claim, _) in enumerate(claims(options), 1):
        yield {"name": f"claim-{number}", "persistentVolumeClaim": {"claimName": claim}}


def _mounts(options: Options) -> Iterator[Data]:
    yield {"name": "tmp", "mountPath": "/tmp"}
    for number, path in enumerate(options.writable, 1):
        yield {"name": f"writable-{number}", "mountPath": path}
    for number, (_, path) in enumerate(claims(options), 1):
        yield {"name": f"claim-{number}", "mountPath": path}


def claims(options: Options) -> list[tuple[str, str]]:
    """(claim, path) of each "claim:/path"."""
    return [(claim, path) for claim, _, path in (text.partition(":") for text in options.volumes)]
