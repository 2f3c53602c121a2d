"""What the API's schemas let pass and a cluster does not, or does wrongly: each finding is one line.

Pure: it reads objects as data, whoever wrote them, so that it also finds what our own rendering would get wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from procession.engines.kubernetes.names import COMPONENT
from procession.engines.kubernetes.restricted import violations
from procession.engines.kubernetes.stopping import MARGIN_SECONDS
from procession.stack.model import Process, Stack

Manifest = Mapping[str, Any]
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")  # until 1.30, when almost any name will do
JOB_RESTARTS = ("Never", "OnFailure")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
TARGETS: Final = ("HorizontalPodAutoscaler", "ScaledObject")


@dataclass(frozen=True, slots=True)
class Seen:
    """One object among all of them, itself too, and the stack that they were made of."""

    one: Manifest
    others: Sequence[Manifest]
    stack: Stack


def lint(manifests: Sequence[Manifest], stack: Stack) -> list[str]:
    """All findings: "Deployment mysite-web: ..."."""
    seen = [Seen(one, manifests, stack) for one in manifests]
    return [f"{title(at.one)}: {found}" for at in seen for check in CHECKS for found in check(at)]


def title(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def pod_of(manifest: Manifest) -> Manifest:
    """Its pod template; {} of what makes no pods."""
    found: Manifest = manifest.get("spec", {}).get("template", {})
    return found


def _names(at: Seen) -> Iterator[str]:
    if not DNS_LABEL.fullmatch(at.one["metadata"]["name"]):
        yield "its name is no DNS label"
    if sum(title(other) == title(at.one) for other in at.others) > 1:
        yield "there are two of this name"
    for name, value in at.one["metadata"].get("labels", {}).items():
        if not LABEL_VALUE.fullmatch(value):
            yield f"the label {name} cannot be {value!r}"


def _selectors(at: Seen) -> Iterator[str]:
    """A selector finds pods of exactly one Deployment."""
    spec = at.one.get("spec", {})
    selector = (
        spec.get("selector", {}) if at.one["kind"] == "Service" else spec.get("selector", {}).get("matchLabels", {})
    )
    if at.one["kind"] not in ("Deployment", "Service", "PodDisruptionBudget"):
        return
    found = [other for other in at.others if selector and selector.items() <= _pod_labels(other).items()]
    if at.one["kind"] == "Deployment" and at.one not in found:
        yield "its selector does not match its own pods"
    elif len(found) != 1:
        yield f"its selector matches the pods of {len(found)} objects"


def _ports(at: Seen) -> Iterator[str]:
    """Each port that somebody names is there."""
    for container in pod_of(at.one).get("spec", {}).get("containers", []):
        known = {port for each in container.get("ports", []) for port in (each["name"], each["containerPort"])}
        for probe in PROBES:
            asked = _port_asked(container.get(probe, {}))
            if asked is not None and asked not in known:
                yield f"{probe} asks port {asked}, which the container does not have"
    if at.one["kind"] == "Service":
        selector = at.one["spec"]["selector"]
        pods = [other for other in at.others if selector.items() <= _pod_labels(other).items()]
        known = {port["name"] for pod in pods for port in pod_of(pod)["spec"]["containers"][0].get("ports", [])}
        for port in at.one["spec"]["ports"]:
            if port["targetPort"] not in known:
                yield f"no pod has the port {port['targetPort']}"


def _entrances(at: Seen) -> Iterator[str]:
    if at.one["kind"] != "Ingress":
        return
    services = {other["metadata"]["name"]: other for other in at.others if other["kind"] == "Service"}
    for rule in at.one["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            ports = services.get(backend["name"], {}).get("spec", {}).get("ports", [])
            if backend["port"]["name"] not in [port["name"] for port in ports]:
                yield f"there is no Service {backend['name']} with a port {backend['port']['name']}"


def _jobs(at: Seen) -> Iterator[str]:
    if at.one["kind"] == "Job" and pod_of(at.one)["spec"].get("restartPolicy") not in JOB_RESTARTS:
        yield "a Job's restartPolicy is Never or OnFailure"


def _graces(at: Seen) -> Iterator[str]:
    """SIGKILL never comes before the declared stop is over."""
    process = _process_of(at.one, at.stack)
    if process is None or at.one["kind"] != "Deployment":
        return
    spec = pod_of(at.one)["spec"]
    sleep = spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    needed = sleep + process.stop_seconds + MARGIN_SECONDS
    if spec.get("terminationGracePeriodSeconds", 30) < needed:
        yield f"its grace period is shorter than the {needed:g} s that a stop may take"


def _singletons(at: Seen) -> Iterator[str]:
    process = _process_of(at.one, at.stack)
    if process is None or not process.singleton:
        return
    if at.one["kind"] in TARGETS:
        yield "a singleton is not scaled"
    if at.one["kind"] == "Deployment" and at.one["spec"].get("replicas", 1) > 1:
        yield "a singleton has one replica"
    if at.one["kind"] == "Deployment" and at.one["spec"].get("strategy", {}).get("type") != "Recreate":
        yield "a singleton is rolled with Recreate: else two run for a while"


def _targets(at: Seen) -> Iterator[str]:
    if at.one["kind"] not in TARGETS:
        return
    name = at.one["spec"]["scaleTargetRef"]["name"]
    target = next((other for other in at.others if title(other) == f"Deployment {name}"), None)
    if target is None:
        yield f"there is no Deployment {name} to scale"
    elif "replicas" in target["spec"]:
        yield f"Deployment {name} says replicas, too: each apply would undo what was scaled"


def _security(at: Seen) -> Iterator[str]:
    """The restricted Pod Security Standard."""
    pod = pod_of(at.one).get("spec")
    yield from violations(pod) if pod else ()


def _containers(at: Seen) -> Iterator[str]:
    pod = pod_of(at.one).get("spec", {})
    for container in [*pod.get("initContainers", []), *pod.get("containers", [])]:
        if "requests" not in container.get("resources", {}):
            yield f"the container {container['name']} requests nothing, so it is the first to go"
        for variable in container.get("env", []):
            if not VARIABLE.fullmatch(variable["name"]):
                yield f"{variable['name']!r} cannot be a variable's name"


def _references(at: Seen) -> Iterator[str]:
    """A ConfigMap is always ours; a Secret may be somebody else's."""
    known = {other["metadata"]["name"] for other in at.others if other["kind"] == "ConfigMap"}
    for container in pod_of(at.one).get("spec", {}).get("containers", []):
        for source in container.get("envFrom", []):
            name = source.get("configMapRef", {}).get("name")
            if name and name not in known:
                yield f"there is no ConfigMap {name}"


CHECKS: Final[tuple[Callable[[Seen], Iterator[str]], ...]] = (
    *(
        _names,
        _selectors,
        _ports,
        _entrances,
        _jobs,
        _graces,
        _singletons,
        _targets,
        _security,
        _containers,
        _references,
    ),
)


def _pod_labels(manifest: Manifest) -> Mapping[str, str]:
    """Of a Deployment's pods; a Job's pods belong to nobody's selector."""
    found: Mapping[str, str] = pod_of(manifest).get("metadata", {}).get("labels", {})
    return found if manifest["kind"] == "Deployment" else {}


def _port_asked(probe: Manifest) -> object:
    return probe.get("httpGet", probe.get("tcpSocket", {})).get("port")


def _process_of(manifest: Manifest, stack: Stack) -> Process | None:
    return stack.process(manifest["metadata"].get("labels", {}).get(COMPONENT, ""))
