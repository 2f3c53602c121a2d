"""The restricted Pod Security Standard: what we write keeps all of it, and each rule sees who does not."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from procession.engines.kubernetes.options import Options
from procession.engines.kubernetes.restricted import BASELINE, RESTRICTED, violations
from procession.stack.model import Listener, Process
from tests.engines.kubernetes.stacks import BEAT, MIGRATE, OPTIONS, WEB, WORKER, objects, stack

ROOMY = replace(OPTIONS, writable=("/app/cache",), volumes=("media:/app/media",), pull_secret="registry")
LOW = replace(WEB, argv=("serve", "0.0.0.0:80"), listeners=(Listener("0.0.0.0:80"),))


def pods(*processes: Process, options: Options = OPTIONS) -> list[Any]:
    found = objects(stack(*processes), options).values()
    return [one["spec"]["template"]["spec"] for one in found if one["kind"] in ("Deployment", "Job")]


@pytest.mark.parametrize("options", [OPTIONS, ROOMY, replace(OPTIONS, version="1.28")])
def test_every_pod_is_restricted(options: Options) -> None:
    found = pods(MIGRATE, WEB, WORKER, BEAT, replace(LOW, name="low"), options=options)
    assert len(found) == 5
    assert [violations(pod) for pod in found] == [[]] * 5


def context(pod: Any) -> Any:
    return pod["containers"][0]["securityContext"]


WRONG: list[tuple[Callable[[Any], object], str]] = [
    (lambda pod: pod.update(hostNetwork=True), "hostNetwork is the node's own"),
    (
        lambda pod: pod["securityContext"].update(windowsOptions={"hostProcess": True}),
        "the pod is a process of the node",
    ),
    (lambda pod: context(pod).update(privileged=True), "main is privileged"),
    (lambda pod: pod["containers"][0]["ports"][0].update(hostPort=80), "main takes a port of the node"),
    (
        lambda pod: pod["containers"][0]["readinessProbe"]["httpGet"].update(host="10.0.0.1"),
        "readinessProbe of main asks another host than its pod",
    ),
    (lambda pod: context(pod).update(appArmorProfile={"type": "Unconfined"}), "main has no AppArmor profile"),
    (lambda pod: context(pod).update(seLinuxOptions={"type": "spc_t"}), "main chooses its SELinux context"),
    (lambda pod: context(pod).update(procMount="Unmasked"), "main sees all of /proc"),
    (
        lambda pod: pod["securityContext"].update(sysctls=[{"name": "kernel.msgmax", "value": "1"}]),
        "the sysctl kernel.msgmax is none of the safe ones",
    ),
    (
        lambda pod: pod["volumes"].append({"name": "etc", "hostPath": {"path": "/etc"}}),
        "the volume etc is of a kind that is not allowed",
    ),
    (lambda pod: context(pod).pop("allowPrivilegeEscalation"), "main may gain rights"),
    (lambda pod: context(pod)["capabilities"].update(add=["SYS_PTRACE"]), "main has capabilities"),
    (lambda pod: pod["initContainers"][0].pop("securityContext"), "wait-migrate has capabilities"),
    (lambda pod: pod["securityContext"].pop("runAsNonRoot"), "main may run as root"),
    (lambda pod: context(pod).update(runAsUser=0), "main runs as root"),
    (lambda pod: context(pod).update(seccompProfile={"type": "Unconfined"}), "main has no seccomp profile"),
]


@pytest.mark.parametrize(("spoil", "finding"), WRONG, ids=[finding for _, finding in WRONG])
def test_a_rule_sees_who_breaks_it(spoil: Callable[[Any], object], finding: str) -> None:
    pod = deepcopy(pods(MIGRATE, WEB)[1])
    spoil(pod)
    assert finding in violations(pod)


def test_every_rule_has_been_broken() -> None:
    seen = set()
    for spoil, _ in WRONG:
        pod = deepcopy(pods(MIGRATE, WEB)[1])
        spoil(pod)
        seen |= {rule for rule in (*BASELINE, *RESTRICTED) if list(rule(pod))}
    assert seen == {*BASELINE, *RESTRICTED}
