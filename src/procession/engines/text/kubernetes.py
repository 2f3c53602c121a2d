"""Kubernetes' manifests, beyond their YAML."""

from __future__ import annotations


def kubernetes_value(value: str) -> str:
    """For `command`, `args`, `env` and the commands of probes, where $(NAME) is replaced and $$ stands for $.

    Not for ConfigMap, Secret or preStop, which are taken as they are (kubernetes, third_party/forked/golang/expansion).
    """
    return value.replace("$", "$$")
