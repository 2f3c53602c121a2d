"""What PRODUCTION_STACK["ENGINES"]["kubernetes"] may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from procession.stack.model import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscale:
    """How many pods of one process, and by what. Without a trigger: by processor time (HorizontalPodAutoscaler)."""

    lowest: int = setting("So many pods at least", default=1)
    highest: int = setting("So many pods at most", default=10)
    cpu_percent: int = setting("Processor time to aim at, in percent of what each pod requests", default=70)
    trigger: str = setting('A scaler of KEDA: "redis", "rabbitmq", "postgresql", "prometheus", ...', default="")
    metadata: Mapping[str, str] = setting(
        'What that scaler is told: {"listName": "celery", "listLength": "10", "addressFromEnv": "REDIS_ADDRESS"}',
        default={},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The image and what is inside of it; where it runs; how it is reached; secrets; room; how far it scales."""

    image: str | None = setting('The image with the site in it, with its tag: "registry.example/mysite:1.4"')
    pull_secret: str = setting("Name of the Secret that holds the registry's password", default="")
    directory: str = setting("Where the site's directory is inside of the image", default="/app")
    python: str = setting("The image's Python", default="python")
    uid: int = setting("User and group id of every process; not 0", default=10001)
    release: str = setting("Runs every task again when it changes; the image does the same", default="")

    output: str = setting("Where `apply` puts the manifests, from the project's directory", default="deploy/kubernetes")
    context: str = setting("kubectl's context; its current one if not said", default="")
    namespace: str = setting("A namespace that is there; that of kubectl's context if not said", default="")
    version: str = setting('The oldest Kubernetes that it has to run on, from "1.28"', default="1.30")

    host: str = setting("The site's host name: for the Ingress, and what probes say in Host", default="")
    public: str = setting("The process that the host name leads to; `web`, or the first that listens", default="")
    ingress_class: str = setting("Of the Ingress; the cluster's default if not said", default="")
    ingress_annotations: Mapping[str, str] = setting("For the Ingress's controller, or cert-manager", default={})
    tls_secret: str = setting("Name of the Secret with the certificate; without it the Ingress is plain", default="")
    gateway: str = setting('"name" or "namespace/name" of a Gateway: an HTTPRoute in place of the Ingress', default="")

    secret: str = setting("Name of a Secret that is there: each key of it becomes a variable", default="")
    write_secrets: bool = setting("Write secret values of the declaration into a manifest", default=False)
    writable: tuple[str, ...] = setting("Directories besides /tmp that may be written; empty in each pod", default=())
    volumes: tuple[str, ...] = setting('Volume claims that are there: "claim:/path"', default=())

    pre_stop_seconds: float = setting("A process that listens goes on for this long after its pod is off", default=5.0)
    request_cpu: float = setting("Cores that each pod requests", default=0.1)
    request_memory_bytes: int = setting("Memory that a pod without a limit requests", default=256 * 2**20)
    autoscale: Mapping[str, Autoscale] = setting("By process: how many pods, and by what", default={})
