"""A stack as manifests: a file for each process or task, those that all share, and a kustomization of them all."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping

from procession.engines.base import Rendering
from procession.engines.files import File
from procession.engines.kubernetes import environment, inside, scaling, traffic, workloads
from procession.engines.kubernetes.names import object_name
from procession.engines.kubernetes.options import Options
from procession.engines.kubernetes.pod import Plan
from procession.engines.kubernetes.problems import problems
from procession.engines.kubernetes.workloads import Object
from procession.engines.text.yaml import Data, yaml_documents
from procession.stack.model import Kind, Process, Stack

KUSTOMIZATION = "kustomization.yaml"
CONFIG, SECRET, ENTRANCE = "config.yaml", "secret.yaml", "entrance.yaml"
SECRET_MODE = 0o600

Manifests = dict[str, list[Object]]  # path -> its documents


def render(stack: Stack, options: Options) -> Rendering:
    """Pure; with an error among the problems there are no files, as they could not be applied."""
    found = problems(stack, options)
    if any(problem.is_error for problem in found):
        return Rendering(files=(), problems=found)
    return Rendering(files=tuple(_files(stack, options)), problems=found)


def manifests(stack: Stack, options: Options) -> Manifests:
    """All objects, as data, by the file that they are in; of options without an error."""
    plan = Plan(stack, options, environment.sort_out(stack))
    found = {path: documents for path, documents in _shared(plan) if documents}
    for process in stack.processes:
        found[file_name(process)] = list(_objects(process, plan))
    return found


def file_name(process: Process) -> str:
    """Of the process's own manifests."""
    kind = "job" if process.kind is Kind.TASK else "process"
    return f"{kind}-{object_name(process.name)}.yaml"


def _files(stack: Stack, options: Options) -> Iterator[File]:
    found = manifests(stack, options)
    namespace: dict[str, Data] = {"namespace": options.namespace} if options.namespace else {}
    kustomization: Object = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        **namespace,
        "resources": sorted(found),
    }
    yield File(path=KUSTOMIZATION, text=yaml_documents([kustomization]))
    for path, documents in sorted(found.items()):
        mode = SECRET_MODE if path == SECRET else 0o644
        yield File(path=path, text=yaml_documents(documents), mode=mode)


def _shared(plan: Plan) -> Iterator[tuple[str, list[Object]]]:
    stack, options = plan.stack, plan.options
    config, secret = environment.objects(plan.environment, stack, options)
    if config:
        name = environment.config_name(stack)
        metadata = workloads.metadata(name, "", plan)
        yield CONFIG, [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": config}]
    if secret:
        metadata = workloads.metadata(environment.secret_name(stack, options), "", plan)
        yield SECRET, [{"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": _encoded(secret)}]
    public = traffic.public(stack, options.public)
    if options.host and public:
        yield ENTRANCE, [traffic.route(public, plan) if options.gateway else traffic.ingress(public, plan)]


def _encoded(secret: Mapping[str, str]) -> dict[str, Data]:
    """`data`, and not `stringData`: with server-side apply a key that is taken out there stays in the Secret."""
    return {name: b64encode(value.encode(errors="surrogateescape")).decode() for name, value in secret.items()}


def _objects(process: Process, plan: Plan) -> Iterator[Object]:
    if process.kind is Kind.TASK:
        yield workloads.job(process, plan)
        return
    yield workloads.deployment(process, plan)
    if inside.ports(process):
        yield traffic.service(process, plan)
    if scale := plan.options.autoscale.get(process.name):
        yield scaling.autoscaler(process, scale, plan)
    if workloads.is_many(process, plan):
        yield scaling.disruption_budget(process, plan)
