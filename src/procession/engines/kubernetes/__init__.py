"""Kubernetes: manifests in plain YAML, ready for Kustomize, driven by the kubectl that is there."""

from __future__ import annotations

from procession.engines.base import Engine
from procession.engines.kubernetes.checking import check
from procession.engines.kubernetes.options import Options
from procession.engines.kubernetes.render import render
from procession.engines.kubernetes.status import status
from procession.engines.kubernetes.verbs import CANNOT, TAKES, VERBS, apply, directory

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
    takes=TAKES,
)
