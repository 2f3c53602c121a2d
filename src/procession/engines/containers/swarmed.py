"""A stack as files for Docker Swarm.

Swarm has no order of start, so what must be there first is in files of its own, deployed one after the other:
stores.yaml, then release-1.yaml, release-2.yaml, ... with the tasks as jobs, then compose.yaml with all that stays.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final

from procession.engines.base import Rendering
from procession.engines.containers import fronting, swarm_health
from procession.engines.containers.image import image_files
from procession.engines.containers.inside import LOOPBACK, inside, ports
from procession.engines.containers.options import ContainerOptions, Form, PublishMode, Server
from procession.engines.containers.problems import problems
from procession.engines.containers.service import Site, duration, limits, logging, process_service, ulimits, volumes_of
from procession.engines.containers.stores import Store, read_stores, store_service
from procession.engines.files import File
from procession.engines.text.docker import Data, Defaulted, compose_yaml, swarm_value
from procession.errors import Problem
from procession.stack.model import Kind, Limits, Log, Process, RestartWhen, Stack

FILE: Final = "compose.yaml"
STORES_FILE: Final = "stores.yaml"
IGNORED: Final = frozenset({"security_opt"})  # `docker stack deploy` says so, every time
RESTART: Final[Mapping[RestartWhen, str]] = {
    RestartWhen.ALWAYS: "any",
    RestartWhen.ON_FAILURE: "on-failure",
    RestartWhen.NEVER: "none",
}


OVERLAP_SECONDS: Final = 60.0  # swarmkit, restart.go: defaultOldTaskTimeout; so long it waits for the old one to end


def render(stack: Stack, options: ContainerOptions, directory: str) -> Rendering:
    found: list[Problem] = []
    site = Site(stack=stack, options=options, directory=directory, stores=read_stores(stack, found))
    found += [*problems(site), *_of_swarm(site)]
    if any(problem.is_error for problem in found):
        return Rendering(files=(), problems=tuple(found))
    return Rendering(files=tuple(_files(site)), problems=tuple(found))


def release_file(number: int) -> str:
    return f"release-{number}.yaml"


def waves(stack: Stack) -> list[list[Process]]:
    """The tasks; those of a wave need only those of the waves before."""
    depths: dict[str, int] = {}
    found: list[list[Process]] = []
    for task in stack.processes:  # in start order
        if task.kind is Kind.TASK:
            depth = max((depths[one.name] + 1 for one in task.depends_on if one.name in depths), default=0)
            depths[task.name] = depth
            found += [[]] if depth == len(found) else []
            found[depth].append(task)
    return found


def _files(site: Site) -> list[File]:
    stores = {name: _store(name, store, site) for name, store in site.stores.items()}
    files = [File(path=STORES_FILE, text=_text(stores, site))] if stores else []
    for number, tasks in enumerate(waves(site.stack), 1):
        jobs = {task.name: _job(task, site) for task in tasks}
        files.append(File(path=release_file(number), text=_text(jobs, site), mode=site.mode))
    staying = [process for process in site.stack.processes if process.kind is Kind.PROCESS]
    services = {**{process.name: _service(process, site) for process in staying}, **stores}
    return [*files, *_with_front(services, site), *image_files(site)]


def _with_front(services: dict[str, dict[str, Data]], site: Site) -> list[File]:
    front = site.front
    if front is None:
        return [File(path=FILE, text=_text(services, site), mode=site.mode)]
    # Its own round of the instances, not Swarm's address for all of them: that keeps a connection to one that leaves.
    file = fronting.front_file(front, site, f"tasks.{front.name}")
    service = {**fronting.front_service(front, site, file), "logging": logging(Log()), "deploy": _front_deploy(site)}
    service["ports"] = [_port(site.options.front.port, fronting.HTTP_PORT, site), *_https(site)]
    services[fronting.NAME] = service
    text = _text(services, site, fronting.front_config(file, site))
    return [File(path=FILE, text=text, mode=site.mode), file]


def _text(services: Mapping[str, dict[str, Data]], site: Site, configs: Mapping[str, Data] | None = None) -> str:
    data: dict[str, Data] = {"version": "3.8", "services": services}
    if site.stores:
        data["networks"] = {"default": {"driver": "overlay"}}
    if volumes := volumes_of(services.values()):
        data["volumes"] = {name: {} for name in volumes}
    if configs:
        data["configs"] = configs
    if site.options.secrets:
        data["secrets"] = {name: _secret(name) for name in site.options.secrets}
    return compose_yaml(data)


def secret_variable(name: str) -> str:
    """What tells `docker stack deploy` the name of a secret in Swarm: see `swarm_secrets`."""
    return f"{name}_SECRET_NAME"


def _secret(name: str) -> dict[str, Data]:
    return {"external": True, "name": Defaulted(secret_variable(name), name)}


def _common(process: Process, site: Site) -> dict[str, Data]:
    service = process_service(process, site)
    declared = service["environment"]
    assert isinstance(declared, Mapping)
    service["environment"] = {name: _literal(value) for name, value in declared.items()}
    if files := (*process.env_files, *site.options.env_file):
        # Absolute: they are read where the checker looks at the file, too, and that is not where it will be.
        service["env_file"] = [os.path.join(site.stack.directory, path) for path in files]
    if test := swarm_health.check(inside(process, site.stack)):
        service["healthcheck"] = test
    return {key: value for key, value in service.items() if key not in IGNORED} | ulimits(process.limits)


def _literal(value: Data) -> Data:
    return swarm_value(value) if isinstance(value, str) else value


def _service(process: Process, site: Site) -> dict[str, Data]:
    service = _common(process, site)
    if found := _published(process, site):
        service["ports"] = [*found]
    service["deploy"] = _deploy(process, site)
    return service


def _published(process: Process, site: Site) -> list[Data]:
    """On every address: Swarm cannot keep to one."""
    numbers = [port.number for port in ports(process.listeners)] if site.is_published(process) else []
    return [_port(number, number, site) for number in numbers]


def _port(published: int, target: int, site: Site) -> Data:
    return {"target": target, "published": published, "mode": site.options.publish_mode.value}


def _order(*, is_alone: bool) -> str:
    """Two cannot be beside each other where they are never two, or hold a port of their node."""
    return "stop-first" if is_alone else "start-first"


def _deploy(process: Process, site: Site) -> dict[str, Data]:
    holds_port = site.options.publish_mode is PublishMode.HOST and bool(_published(process, site))
    order = _order(is_alone=process.singleton or holds_port)
    update: dict[str, Data] = {"order": order, "parallelism": max(process.max_surge, 1)}
    restart: dict[str, Data] = {"condition": RESTART[process.restart]}
    if process.restart is not RestartWhen.NEVER:
        restart["delay"] = duration(process.backoff.first_seconds)
        restart["window"] = duration(process.backoff.steady_seconds)
    return {
        "replicas": process.replicas,
        "update_config": {**update, "failure_action": "rollback", "monitor": duration(process.backoff.steady_seconds)},
        "rollback_config": update,
        "restart_policy": restart,
        **_placed(process.limits, site),
    }


def _placed(wanted: Limits, site: Site) -> dict[str, Data]:
    found: dict[str, Data] = {}
    if most := limits(wanted):
        share = site.options.reserved
        least = limits(Limits(memory_bytes=int(wanted.memory_bytes * share), cpu=wanted.cpu * share))
        found["resources"] = {"limits": most, **({"reservations": least} if least else {})}
    return {**found, **_where(site.options.constraints)}


def _where(constraints: Sequence[str]) -> dict[str, Data]:
    return {"placement": {"constraints": list(constraints)}} if constraints else {}


def _job(task: Process, site: Site) -> dict[str, Data]:
    """Once, to its end; not again if it fails: then the release stops.

    No `mode: replicated-job`: Docker's client knows it from version 23 on, and its ended tasks outlive their service.
    """
    once: dict[str, Data] = {"replicas": 1, "restart_policy": {"condition": "none"}}
    return {**_common(task, site), "deploy": {**once, **_placed(task.limits, site)}}


def _store(name: str, store: Store, site: Site) -> dict[str, Data]:
    """One instance, and never two on the same data."""
    # By its instance's own address: Swarm's address for a service forgets a connection that is idle for 15 minutes.
    deploy: dict[str, Data] = {"replicas": 1, "endpoint_mode": "dnsrr", "update_config": {"order": "stop-first"}}
    return {
        **store_service(name, store),
        "logging": logging(Log()),
        "deploy": {**deploy, **_placed(Limits(memory_bytes=store.memory_bytes), site)},
    }


def _https(site: Site) -> list[Data]:
    has_certificates = site.options.front.server is Server.CADDY and site.options.front.hosts
    return [_port(fronting.HTTPS_PORT, fronting.HTTPS_PORT, site)] if has_certificates else []


def _front_deploy(site: Site) -> dict[str, Data]:
    order = _order(is_alone=site.options.publish_mode is PublishMode.HOST)
    where = _where(site.options.front_constraints or site.options.constraints)
    return {"replicas": 1, "update_config": {"order": order, "failure_action": "rollback"}, **where}


def _of_swarm(site: Site) -> list[Problem]:
    found = []
    if site.options.form is Form.ONE:
        what = "is for one machine: Swarm would have to know of the processes inside"
        found.append(Problem("E123", "form", what, "", "leave FORM out, or use the engine compose"))
    for process in site.stack.processes:
        hosts = [port.host for port in ports(process.listeners)]
        if site.is_published(process) and any(host in LOOPBACK for host in hosts):
            what = f"is published on every address of every node, not on {process.listeners[0].bind} alone"
            fix = 'put a server in front ("FRONT"), or close the port in the firewall'
            found.append(Problem("W124", process.name, what, process.origin.text(), fix))
        if process.singleton and process.stop_seconds + site.options.stop_margin_seconds > OVERLAP_SECONDS:
            what = f"may take more than {OVERLAP_SECONDS:g} s to stop, after which Swarm starts the next one beside it"
            fix = 'a shorter STOP_TIMEOUT, or a lease: "LEASE" keeps it alone whatever Swarm does'
            found.append(Problem("W126", f"{process.name}.stop", what, process.origin.text(), fix))
    if site.stores and not site.options.constraints:
        what = "their data are in volumes of the node on which they were placed first"
        found.append(Problem("W125", "services", what, "", 'keep them there: "CONSTRAINTS": ["node.hostname==..."]'))
    return found
