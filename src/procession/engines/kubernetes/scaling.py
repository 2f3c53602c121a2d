"""How many pods there are: by processor time, by a queue's length (KEDA); and how many a node's drain may take away."""

from __future__ import annotations

from procession.engines.kubernetes.names import object_name, selector
from procession.engines.kubernetes.options import Autoscale
from procession.engines.kubernetes.pod import Plan
from procession.engines.kubernetes.workloads import Object, metadata
from procession.engines.text.yaml import Data
from procession.stack.model import Process

COOLDOWN_SECONDS = 300  # KEDA: from the last work to the lowest count


def autoscaler(process: Process, scale: Autoscale, plan: Plan) -> Object:
    """KEDA's ScaledObject where a trigger is named, else a HorizontalPodAutoscaler."""
    return _by_queue(process, scale, plan) if scale.trigger else _by_processor(process, scale, plan)


def disruption_budget(process: Process, plan: Plan) -> Object:
    """One at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(object_name(plan.stack.name, process.name), process.name, plan),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector(plan.stack, process.name)}},
    }


def _by_processor(process: Process, scale: Autoscale, plan: Plan) -> Object:
    name = object_name(plan.stack.name, process.name)
    metric: Data = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": scale.cpu_percent}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(name, process.name, plan),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": scale.lowest,
            "maxReplicas": scale.highest,
            "metrics": [{"type": "Resource", "resource": metric}],
        },
    }


def _by_queue(process: Process, scale: Autoscale, plan: Plan) -> Object:
    name = object_name(plan.stack.name, process.name)
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(name, process.name, plan),
        "spec": {
            "scaleTargetRef": {"name": name},
            "minReplicaCount": scale.lowest,
            "maxReplicaCount": scale.highest,
            "cooldownPeriod": COOLDOWN_SECONDS,
            "triggers": [{"type": scale.trigger, "metadata": dict(scale.metadata)}],
        },
    }
