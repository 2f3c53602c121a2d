"""How requests come in: a Service for each process that listens, and the site's host name to one of them."""

from __future__ import annotations

from procession.engines.kubernetes import inside
from procession.engines.kubernetes.names import object_name, selector
from procession.engines.kubernetes.pod import Plan, port_name
from procession.engines.kubernetes.workloads import Object, metadata
from procession.engines.text.yaml import Data
from procession.stack.model import Process, Stack

PUBLIC = "web"


def service(process: Process, plan: Plan) -> Object:
    """Reached by its name in the cluster, at the ports that it serves."""
    ports: list[Data] = [
        {"name": port_name(port), "port": port, "targetPort": port_name(port)} for port in inside.ports(process)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(object_name(plan.stack.name, process.name), process.name, plan),
        "spec": {"selector": selector(plan.stack, process.name), "ports": ports},
    }


def public(stack: Stack, named: str) -> Process | None:
    """The process that the host name leads to; None: there is none that listens."""
    listening = [process for process in stack.processes if inside.ports(process)]
    wanted = [process for process in listening if process.name == (named or PUBLIC)]
    return next(iter(wanted if named else [*wanted, *listening]), None)


def ingress(process: Process, plan: Plan) -> Object:
    """All paths of the host."""
    options, name = plan.options, object_name(plan.stack.name, process.name)
    backend: Data = {"service": {"name": name, "port": {"name": port_name(inside.ports(process)[0])}}}
    path: Data = {"path": "/", "pathType": "Prefix", "backend": backend}
    spec: dict[str, Data] = {"ingressClassName": options.ingress_class} if options.ingress_class else {}
    if options.tls_secret:
        spec["tls"] = [{"hosts": [options.host], "secretName": options.tls_secret}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(object_name(plan.stack.name), process.name, plan, options.ingress_annotations),
        "spec": {**spec, "rules": [{"host": options.host, "http": {"paths": [path]}}]},
    }


def route(process: Process, plan: Plan) -> Object:
    """The same by the Gateway API; certificates are the Gateway's."""
    namespace, _, gateway = plan.options.gateway.rpartition("/")
    parent: dict[str, Data] = {"name": gateway, **({"namespace": namespace} if namespace else {})}
    backend: Data = {"name": object_name(plan.stack.name, process.name), "port": inside.ports(process)[0]}
    match: Data = {"path": {"type": "PathPrefix", "value": "/"}}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(object_name(plan.stack.name), process.name, plan),
        "spec": {
            "parentRefs": [parent],
            "hostnames": [plan.options.host],
            "rules": [{"matches": [match], "backendRefs": [backend]}],
        },
    }
