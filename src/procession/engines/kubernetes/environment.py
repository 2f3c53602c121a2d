"""Where each variable goes: into the ConfigMap if all processes have it, into the container, or into a Secret.

The order in which they win is that of the supervisor: what is declared wins over env files (the Secret named by
`secret`): `env` wins over `envFrom`, and in `envFrom` the ConfigMap stands last.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from procession.engines.elsewhere import image_environment
from procession.engines.kubernetes import inside
from procession.engines.kubernetes.names import digest, object_name
from procession.engines.kubernetes.options import Options
from procession.engines.secrets import is_hidden
from procession.engines.text.kubernetes import kubernetes_value
from procession.engines.text.yaml import Data
from procession.stack.model import ProbeType, Process, Stack
from procession.supervisor.linux.heartbeats import every_seconds

HEARTBEAT_FILE = "/tmp/procession-heartbeat"


@dataclass(frozen=True, slots=True)
class Environment:
    """`shared` is the ConfigMap's data, `secrets` the Secret's: its keys, and the values whether written or not."""

    shared: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


def sort_out(stack: Stack) -> Environment:
    """What all processes have in common, and what is secret."""
    first, *others = [process.environment for process in stack.processes] or [{}]
    common = {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}
    shared = {name: value for name, value in common.items() if others and not is_hidden(name, value)}
    secrets = {
        _secret_key(process, name, common): value
        for process in stack.processes
        for name, value in process.environment.items()
        if is_hidden(name, value)
    }
    return Environment(dict(sorted(shared.items())), dict(sorted(secrets.items())))


def config_name(stack: Stack) -> str:
    return object_name(stack.name, "env")


def secret_name(stack: Stack, options: Options) -> str:
    """Whose keys the secret variables are: the one that we write, or the one that somebody else keeps."""
    return (not options.write_secrets and options.secret) or object_name(stack.name, "secrets")


def sources(found: Environment, stack: Stack, options: Options) -> list[Data]:
    """`envFrom`: a later one wins."""
    secret: list[Data] = [{"secretRef": {"name": options.secret}}] if options.secret else []
    config: list[Data] = [{"configMapRef": {"name": config_name(stack)}}] if found.shared else []
    return [*secret, *config]


def variables(process: Process, found: Environment, stack: Stack, options: Options) -> list[Data]:
    """`env` of its container."""
    entries = [
        _entry(name, value, process, found, stack, options)
        for name, value in sorted(process.environment.items())
        if found.shared.get(name) != value or is_hidden(name, value)
    ]
    added: list[Data] = [
        {"name": name, "value": value}
        for name, value in image_environment(process).items()
        if name not in process.environment
    ]
    return [*added, *entries, *_heartbeat(process)]


def checksums(found: Environment, options: Options) -> dict[str, Data]:
    """Annotations of a pod: another value of what it reads by name is another pod, so the Deployment rolls."""
    config: dict[str, Data] = {"checksum/config": digest(found.shared)} if found.shared else {}
    written = options.write_secrets and found.secrets
    return {**config, **({"checksum/secret": digest(found.secrets)} if written else {})}


def objects(found: Environment, stack: Stack, options: Options) -> tuple[dict[str, str], dict[str, str]]:
    """Data of the ConfigMap and of the Secret, {} where there is none to write."""
    config = {name: inside.path(value, stack, options) for name, value in found.shared.items()}
    return config, found.secrets if options.write_secrets else {}


def _entry(
    name: str, value: str, process: Process, found: Environment, stack: Stack, options: Options
) -> dict[str, Data]:
    if is_hidden(name, value):
        key = name if found.secrets.get(name) == value else f"{process.name}.{name}"
        reference: Data = {"name": secret_name(stack, options), "key": key}
        return {"name": name, "valueFrom": {"secretKeyRef": reference}}
    return {"name": name, "value": kubernetes_value(inside.path(value, stack, options))}


def _heartbeat(process: Process) -> list[Data]:
    probe = process.liveness
    if probe is None or probe.type is not ProbeType.HEARTBEAT:
        return []
    return [
        {"name": "PROCESSION_HEARTBEAT", "value": HEARTBEAT_FILE},
        {"name": "PROCESSION_HEARTBEAT_SECONDS", "value": f"{every_seconds(probe):g}"},
    ]


def _secret_key(process: Process, name: str, common: dict[str, str]) -> str:
    return name if name in common else f"{process.name}.{name}"
