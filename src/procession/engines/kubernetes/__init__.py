"""Kubernetes: manifests in plain YAML, ready for Kustomize, driven by the kubectl that is there."""

from __future__ import annotations

from procession.engines.base import Engine, Need
from procession.engines.kubernetes.checking import check
from procession.engines.kubernetes.kubectl import kubectl
from procession.engines.kubernetes.options import Options
from procession.engines.kubernetes.render import render
from procession.engines.kubernetes.status import status
from procession.engines.kubernetes.verbs import CANNOT, TAKES, VERBS, apply, directory

NEED = Need(
    look=lambda asked: kubectl(asked, "version", "--request-timeout=10s", looks=True),
    lacking="the cluster does not answer",
    install="install kubectl, and let it know the cluster (KUBECONFIG)",
    fix='see that `kubectl version` answers: KUBECONFIG, "CONTEXT" in the engine\'s options, the network',
)
ENGINE = Engine(
    name="kubernetes",
    title="Kubernetes",
    options=Options,
    render=render,
    directory=directory,
    check=check,
    apply=apply,
    status=status,
    verbs=VERBS,
    cannot=CANNOT,
    needs=(NEED,),
    takes=TAKES,
)
