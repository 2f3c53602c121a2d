"""One process as one service of a Compose file: what Compose and Swarm say alike."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from procession.engines.containers import health
from procession.engines.containers.inside import APP, Port, env_file_path, inside, ports
from procession.engines.containers.options import ContainerOptions, Server
from procession.engines.containers.secrecy import shown_environment
from procession.engines.containers.stores import Store, addresses
from procession.engines.elsewhere import image_environment
from procession.engines.secrets import PRIVATE_MODE
from procession.engines.text.docker import Data
from procession.stack.model import Kind, Limits, Log, Probe, Process, Stack

HOSTS = {"": "0.0.0.0", "*": "0.0.0.0", "localhost": "127.0.0.1"}  # Docker publishes on addresses, not on names
PATHS = (".", "/", "~")  # a volume that begins so is a path of the host; others are named
MEBIBYTE = 2**20
FORWARDED = "FORWARDED_ALLOW_IPS"  # gunicorn and uvicorn: whose X-Forwarded-* are believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What every service of one file is made from."""

    stack: Stack
    options: ContainerOptions
    directory: str  # where the file will be
    stores: Mapping[str, Store]

    @property
    def image(self) -> str:
        return image_of(self.stack, self.options)

    @property
    def front(self) -> Process | None:
        """The process behind the server in front; None if there is no such server."""
        if self.options.front.server is Server.NONE:
            return None
        return front_process(self.stack, self.options.front.process)

    @property
    def mode(self) -> int:
        """Of the files that say what each process is told."""
        return PRIVATE_MODE if self.options.write_secrets else 0o644

    def is_published(self, process: Process) -> bool:
        if self.options.publish:
            return process.name in self.options.publish
        front = self.front
        return front is None or process.name != front.name


def image_of(stack: Stack, options: ContainerOptions) -> str:
    """The name of the site's image."""
    return options.image.name or f"{stack.name}:latest"


def front_process(stack: Stack, name: str) -> Process | None:
    """The process named, else "web", else the first that listens."""
    if name:
        return stack.process(name)
    listening = [process for process in stack.processes if process.listeners]
    return next((process for process in listening if process.name == "web"), listening[0] if listening else None)


def process_service(process: Process, site: Site) -> dict[str, Data]:
    """Image, command, environment, health, stop: in the order in which a person reads them."""
    within = inside(process, site.stack)
    service: dict[str, Data] = {"image": site.image, "command": list(within.argv), "init": True}
    if process.user and not site.options.image.build:  # our Dockerfile has a user of its own, whose the files are
        service["user"] = f"{process.user}:{process.group}" if process.group else process.user
    if within.directory != APP:
        service["working_dir"] = within.directory
    if files := env_files(process, site):
        service["env_file"] = [*files]
    service["environment"] = environment(within, site)
    service.update(safety(site.options))
    if test := check(within):
        service["healthcheck"] = test
    service.update(stop(process, site.options))
    service["logging"] = logging(process.log)
    if site.options.volumes:
        service["volumes"] = list(site.options.volumes)
    if site.options.secrets:
        service["secrets"] = list(site.options.secrets)
    return service


def env_files(process: Process, site: Site) -> list[str]:
    paths = [*process.env_files, *site.options.env_file]
    return [env_file_path(path, site.stack, site.directory) for path in paths]


def environment(process: Process, site: Site) -> dict[str, Data]:
    """`process` is as it is inside. What it declares wins over what we add; no secret is in it."""
    added: dict[str, Data] = {
        **addresses(site.stores),
        **image_environment(process),
        **health.environment(process),
    }
    front = site.front
    if front is not None and process.name == front.name and not site.is_published(process):
        added[FORWARDED] = "*"  # Only the server in front can reach it.
    declared = shown_environment(process, site.options.secrets, writes=site.options.write_secrets)
    return {**{name: value for name, value in added.items() if name not in declared}, **declared}


def safety(options: ContainerOptions) -> dict[str, Data]:
    """What a site never needs is taken away. Ports under 1024 are open to all in a container (Docker 20.10+)."""
    wall: dict[str, Data] = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    if options.read_only:
        wall["read_only"] = True
        wall["tmpfs"] = ["/tmp"]
    return wall


def check(process: Process) -> dict[str, Data]:
    """`process` is as it is inside. {} for a task, and where there is nothing to ask."""
    command = health.test_command(process) if process.kind is Kind.PROCESS else ()
    if not command:
        return {}
    probe = process.readiness
    return {
        "test": ["CMD", *command],
        "interval": duration(max(probe.interval_seconds, 1.0)),
        "timeout": duration(max(probe.timeout_seconds, 1.0) + 1.0),  # The question's own end comes first, with words.
        "retries": probe.failures or Probe().failures,
        "start_period": duration((process.startup or probe).within_seconds),
    }


def stop(process: Process, options: ContainerOptions) -> dict[str, Data]:
    """Docker sends one signal: the ladder's first; the whole ladder's time passes before it kills."""
    return {
        "stop_signal": f"SIG{process.stop[0].signal}",
        "stop_grace_period": duration(process.stop_seconds + options.stop_margin_seconds),
    }


def logging(log: Log) -> dict[str, Data]:
    """Docker keeps every line for ever, if nobody says for how long."""
    options: dict[str, Data] = {"max-size": f"{max(1, log.max_size_bytes // 1024)}k", "max-file": str(log.keep + 1)}
    return {"driver": "json-file", "options": options}


def limits(wanted: Limits) -> dict[str, Data]:
    """As `deploy.resources.limits` has them, in Compose and in Swarm."""
    found: dict[str, Data] = {}
    if wanted.cpu:
        found["cpus"] = f"{wanted.cpu:g}"
    if wanted.memory_bytes:
        found["memory"] = size(wanted.memory_bytes)
    if wanted.processes:
        found["pids"] = wanted.processes
    return found


def ulimits(wanted: Limits) -> dict[str, Data]:
    found: dict[str, Data] = {}
    if wanted.files:
        found["nofile"] = wanted.files
    if wanted.core_bytes >= 0:
        found["core"] = wanted.core_bytes
    return {"ulimits": found} if found else {}


def published(process: Process, site: Site) -> list[str]:
    """Its addresses, as they were declared, on the host's side: what listened on loopback is published there alone."""
    if not site.is_published(process):
        return []
    return [f"{port.host}:{port.number}:{port.number}" for port in _numeric(process)]


def _numeric(process: Process) -> list[Port]:
    return [replace(port, host=HOSTS.get(port.host, port.host)) for port in ports(process.listeners)]


def duration(seconds: float) -> str:
    """As Go reads it: whole seconds, rounded up."""
    return f"{math.ceil(seconds)}s"


def size(bytes_: int) -> str:
    """As Docker reads it: whole mebibytes where it is that, else bytes."""
    return f"{bytes_ // MEBIBYTE}M" if bytes_ % MEBIBYTE == 0 else f"{bytes_}b"


def relative(path: str, site: Site) -> str:
    return os.path.relpath(path, site.directory)


def volumes_of(services: Iterable[Mapping[str, Data]]) -> list[str]:
    """The named volumes that services mount, which must be said once for all; a path of the host is none."""
    found: dict[str, None] = {}
    for service in services:
        mounts = service.get("volumes", ())
        assert isinstance(mounts, list | tuple)
        names = (str(mount).partition(":")[0] for mount in mounts)
        found.update({name: None for name in names if not name.startswith(PATHS)})
    return list(found)
