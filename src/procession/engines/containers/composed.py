"""A stack as files for Docker Compose."""

from __future__ import annotations

import os
from collections.abc import Mapping

from procession.engines.base import Asked, Rendering
from procession.engines.containers import fronting
from procession.engines.containers.image import DOCKERFILE, FRONT_TARGET, SITE_TARGET, STATE, image_files
from procession.engines.containers.inside import inside
from procession.engines.containers.options import ContainerOptions, Form
from procession.engines.containers.problems import problems
from procession.engines.containers.service import (
    Site,
    check,
    duration,
    env_files,
    environment,
    limits,
    logging,
    process_service,
    published,
    relative,
    safety,
    ulimits,
    volumes_of,
)
from procession.engines.containers.stores import Store, read_stores, store_service
from procession.engines.files import File
from procession.engines.text.docker import Data, compose_yaml
from procession.errors import Problem
from procession.stack.model import Condition, Kind, Limits, Log, Process, RestartWhen, Stack

FILE = "compose.yaml"
BACK = "back"  # the network of the stores
PROCESSION = ("python", "-m", "procession")  # needs no script on PATH
ALONE = "site"  # the one service of the form `one`
CONDITIONS: Mapping[Condition, str] = {
    Condition.STARTED: "service_started",
    Condition.READY: "service_healthy",
    Condition.COMPLETED: "service_completed_successfully",
}
RESTART: Mapping[RestartWhen, str] = {
    RestartWhen.ALWAYS: "unless-stopped",  # `always` would bring back, at the next boot, what a person stopped
    RestartWhen.ON_FAILURE: "on-failure",
    RestartWhen.NEVER: "no",
}
SUPERVISOR_MARGIN_SECONDS = 10.0


def render(stack: Stack, options: ContainerOptions, directory: str) -> Rendering:
    found: list[Problem] = []
    site = Site(stack=stack, options=options, directory=directory, stores=read_stores(stack, found))
    found += [*problems(site), *_of_ports(site), *_of_secrets(options)]
    if any(problem.is_error for problem in found):
        return Rendering(files=(), problems=tuple(found))
    return Rendering(files=tuple(_files(site)), problems=tuple(found))


def _files(site: Site) -> list[File]:
    files = image_files(site)
    services = _alone(site) if site.options.form is Form.ONE else _processes(site)
    _build(next(iter(services.values())), SITE_TARGET, site)
    data: dict[str, Data] = {"name": site.stack.name, "services": services}
    services.update({name: _store(name, store) for name, store in site.stores.items()})
    if front := site.front:
        file = fronting.front_file(front, site, _upstream(front, site))
        files.append(file)
        services[fronting.NAME] = _front(front, site, file)
        data["configs"] = fronting.front_config(file, site)
    _connect(services, site)
    data.update(_top(services, site))
    return [File(path=FILE, text=compose_yaml(data), mode=site.mode), *files]


def _processes(site: Site) -> dict[str, dict[str, Data]]:
    return {process.name: _service(process, site) for process in site.stack.processes}


def _service(process: Process, site: Site) -> dict[str, Data]:
    service = process_service(process, site)
    is_task = process.kind is Kind.TASK
    service["restart"] = "no" if is_task else RESTART[process.restart]
    if ports := published(process, site):
        service["ports"] = [*ports]
    if needs := _needs(process, site):
        service["depends_on"] = needs
    service.update(ulimits(process.limits))
    service.update(_deploy(process.limits, 1 if is_task else process.replicas))
    return service


def _deploy(wanted: Limits, replicas: int) -> dict[str, Data]:
    deploy: dict[str, Data] = {} if replicas == 1 else {"replicas": replicas}
    if resources := limits(wanted):
        deploy["resources"] = {"limits": resources}
    return {"deploy": deploy} if deploy else {}


def _needs(process: Process, site: Site) -> dict[str, Data]:
    """All wait for the stores. What has no health check can be waited for no longer than until it has started."""
    needs: dict[str, Data] = {name: {"condition": CONDITIONS[Condition.READY]} for name in site.stores}
    for dependency in process.depends_on:
        needed = site.stack.process(dependency.name)
        condition = dependency.condition
        if condition is Condition.READY and (needed is None or not check(inside(needed, site.stack))):
            condition = Condition.STARTED
        needs[dependency.name] = {"condition": CONDITIONS[condition]}
    return needs


def _alone(site: Site) -> dict[str, dict[str, Data]]:
    """Every process inside of one container. The supervisor knows the whole ladders, orders, health and limits."""
    processes = site.stack.processes
    service: dict[str, Data] = {"image": site.image, "command": [*PROCESSION, "supervise"]}
    if files := dict.fromkeys(path for process in processes for path in env_files(process, site)):
        service["env_file"] = list(files)
    told: dict[str, Data] = {}
    for process in processes:
        told = {**environment(inside(process, site.stack), site), **told}
    service["environment"] = {name: value for name, value in told.items() if name not in INSTANCE_ONLY}
    service.update(safety(site.options))
    service["healthcheck"] = {
        "test": ["CMD", *PROCESSION, "status"],
        "interval": "10s",
        "timeout": "10s",
        "retries": 3,
        "start_period": "120s",
    }
    service["stop_signal"] = "SIGTERM"
    service["stop_grace_period"] = duration(sum(one.stop_seconds for one in processes) + SUPERVISOR_MARGIN_SECONDS)
    if site.options.secrets:
        service["secrets"] = list(site.options.secrets)
    service["logging"] = logging(processes[0].log)
    service["restart"] = "unless-stopped"
    if ports := [port for process in processes for port in published(process, site)]:
        service["ports"] = [*ports]
    if site.stores:
        service["depends_on"] = {name: {"condition": CONDITIONS[Condition.READY]} for name in site.stores}
    service["volumes"] = [f"state:{STATE}", *site.options.volumes]
    return {ALONE: service}


INSTANCE_ONLY = frozenset({"PROCESSION_NOTIFY", "PROCESSION_HEARTBEAT", "PROCESSION_READY"})


def _store(name: str, store: Store) -> dict[str, Data]:
    wanted = Limits(memory_bytes=store.memory_bytes)
    return {**store_service(name, store), "logging": logging(Log()), "restart": "unless-stopped", **_deploy(wanted, 1)}


def _front(process: Process, site: Site, file: File) -> dict[str, Data]:
    service = fronting.front_service(process, site, file)
    if fronting.has_static(site):
        _build(service, FRONT_TARGET, site)
    return {
        **service,
        "depends_on": {_upstream(process, site): {"condition": _front_condition(process, site)}},
        "logging": logging(Log()),
        "restart": "unless-stopped",
    }


def _upstream(process: Process, site: Site) -> str:
    """The service that it is in front of."""
    return ALONE if site.options.form is Form.ONE else process.name


def _front_condition(process: Process, site: Site) -> str:
    has_check = site.options.form is Form.ONE or bool(check(inside(process, site.stack)))
    return CONDITIONS[Condition.READY if has_check else Condition.STARTED]


def _build(service: dict[str, Data], target: str, site: Site) -> None:
    """The image is built once, by the first service that uses it."""
    if site.options.image.build:
        path = os.path.join(relative(site.directory, site), DOCKERFILE)
        context = relative(site.stack.directory, site)
        dockerfile = os.path.relpath(os.path.join(site.directory, path), site.stack.directory)
        service["build"] = {"context": context, "dockerfile": dockerfile, "target": target}


def _connect(services: Mapping[str, dict[str, Data]], site: Site) -> None:
    """Only the site's own processes reach the stores; from the stores, and to them, there is no way outside."""
    if site.stores:
        for name, service in services.items():
            if name != fronting.NAME:
                service["networks"] = [BACK] if name in site.stores else ["default", BACK]


def _top(services: Mapping[str, Mapping[str, Data]], site: Site) -> dict[str, Data]:
    """Networks, volumes and secrets: what services name must be said once for all."""
    top: dict[str, Data] = {"networks": {"default": {}, BACK: {"internal": True}}} if site.stores else {}
    if volumes := volumes_of(services.values()):
        top["volumes"] = {name: {} for name in volumes}
    if site.options.secrets:
        top["secrets"] = {name: {"environment": name} for name in site.options.secrets}
    return top


def _of_ports(site: Site) -> list[Problem]:
    """Two containers cannot have the same port of the host."""
    if site.options.form is Form.ONE:
        return []
    return [
        Problem(
            "E122",
            f"{process.name}.replicas",
            f"{process.replicas} instances cannot all be published on {published(process, site)[0]}",
            process.origin.text(),
            'put a server in front of them: "FRONT": {"SERVER": "nginx"}',
        )
        for process in site.stack.processes
        if process.replicas > 1 and published(process, site)
    ]


def _of_secrets(options: ContainerOptions) -> list[Problem]:
    """Compose copies a secret into the container, once it is made (compose 2.40: "`file` is the sole ...")."""
    if not (options.read_only and options.secrets):
        return []
    what = "Compose can put no file into a container that cannot be written"
    return [Problem("E124", "secrets", what, "", "leave READ_ONLY out; or have them as variables: leave SECRETS out")]


def published_in(asked: Asked, process: Process) -> list[str]:
    """The host's ports that its containers hold."""
    return published(process, _site(asked))


def fronted_in(asked: Asked) -> Process | None:
    """The process behind the server in front, if there is such a server."""
    return _site(asked).front


def image_in(asked: Asked) -> str:
    return _site(asked).image


def _site(asked: Asked) -> Site:
    return Site(stack=asked.stack, options=asked.options, directory=asked.directory, stores={})
