"""Each rule finds what it is for, in manifests that the API's schemas take."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest

from procession.engines.kubernetes.lint import CHECKS, lint
from procession.engines.kubernetes.options import Autoscale
from tests.engines.kubernetes.stacks import OPTIONS, objects, stack

SITE = stack()
SCALED = replace(OPTIONS, host="mysite.example", autoscale={"worker": Autoscale()})
Found = dict[str, Any]


def spec(found: Found, name: str) -> Any:
    return found[name]["spec"]


def pod(found: Found, name: str = "web") -> Any:
    return spec(found, f"Deployment mysite-{name}")["template"]["spec"]


def job(found: Found) -> Any:
    return next(one for name, one in found.items() if name.startswith("Job "))["spec"]["template"]["spec"]


def beat(found: Found) -> Any:
    return spec(found, "Deployment mysite-beat")


def main(found: Found) -> Any:
    return pod(found)["containers"][0]


def backend(found: Found) -> Any:
    return spec(found, "Ingress mysite")["rules"][0]["http"]["paths"][0]["backend"]["service"]


WRONG: list[tuple[Callable[[Found], object], str]] = [
    (lambda found: found["Service mysite-web"]["metadata"].update(name="My_Site"), "its name is no DNS label"),
    (lambda found: found.update(copy=found["Service mysite-web"]), "there are two of this name"),
    (lambda found: found["Service mysite-web"]["metadata"]["labels"].update(x="a b"), "the label x cannot be 'a b'"),
    (lambda found: beat(found)["selector"]["matchLabels"].update(a="b"), "its selector does not match its own pods"),
    (lambda found: spec(found, "Service mysite-web")["selector"].update(a="b"), "matches the pods of 0 objects"),
    (lambda found: spec(found, "Service mysite-web")["selector"].popitem(), "matches the pods of 3 objects"),
    (lambda found: main(found)["readinessProbe"]["httpGet"].update(port=1), "readinessProbe asks port 1"),
    (lambda found: spec(found, "Service mysite-web")["ports"][0].update(targetPort="x"), "no pod has the port x"),
    (lambda found: backend(found).update(name="x"), "there is no Service x with a port port-8000"),
    (lambda found: job(found).update(restartPolicy="Always"), "a Job's restartPolicy is Never or OnFailure"),
    (lambda found: pod(found).update(terminationGracePeriodSeconds=41), "shorter than the 42 s that a stop may take"),
    (lambda found: beat(found).update(replicas=2), "a singleton has one replica"),
    (lambda found: beat(found).update(strategy={"type": "RollingUpdate"}), "a singleton is rolled with Recreate"),
    (
        lambda found: found["HorizontalPodAutoscaler mysite-worker"]["metadata"]["labels"].update(
            {"app.kubernetes.io/component": "beat"}
        ),
        "a singleton is not scaled",
    ),
    (
        lambda found: spec(found, "HorizontalPodAutoscaler mysite-worker")["scaleTargetRef"].update(name="x"),
        "there is no Deployment x to scale",
    ),
    (lambda found: spec(found, "Deployment mysite-worker").update(replicas=2), "says replicas, too"),
    (lambda found: pod(found)["securityContext"].update(runAsUser=0), "the pod runs as root"),
    (lambda found: pod(found)["securityContext"].pop("seccompProfile"), "main has no seccomp profile"),
    (lambda found: main(found)["securityContext"].pop("capabilities"), "main has capabilities"),
    (lambda found: main(found)["resources"].pop("requests"), "the container main requests nothing"),
    (lambda found: main(found).update(env=[{"name": "a b", "value": ""}]), "'a b' cannot be a variable's name"),
    (lambda found: found.pop("ConfigMap mysite-env"), "there is no ConfigMap mysite-env"),
]


@pytest.mark.parametrize(("spoil", "finding"), WRONG, ids=[finding for _, finding in WRONG])
def test_a_rule_finds_what_it_is_for(spoil: Callable[[Found], object], finding: str) -> None:
    found = deepcopy(objects(SITE, SCALED))
    assert lint(list(found.values()), SITE) == []
    spoil(found)
    assert any(finding in line for line in lint(list(found.values()), SITE))


def test_every_rule_has_been_tried() -> None:
    tried = set()
    for spoil, _ in WRONG:
        found = deepcopy(objects(SITE, SCALED))
        spoil(found)
        tried |= {line.partition(": ")[2] for line in lint(list(found.values()), SITE)}
    assert len(tried) >= len(CHECKS)


def test_the_schemas_do_not_see_it() -> None:
    found = deepcopy(objects(SITE, SCALED))
    job(found)["restartPolicy"] = "Always"
    pod(found).update(terminationGracePeriodSeconds=1)
    for one in found.values():
        kubernetes_validate.validate(one, "1.37", strict=True)
