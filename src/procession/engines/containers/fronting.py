"""The server in front, as a service of its own beside the site's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from procession.engines.containers.image import FRONT_IMAGES, STATIC
from procession.engines.containers.inside import ports
from procession.engines.containers.options import ContainerOptions, Server
from procession.engines.containers.service import Site
from procession.engines.files import File, hash_of
from procession.engines.front import Fronted, caddyfile, nginx, read_seconds
from procession.engines.text.docker import Data
from procession.stack.model import Process, Stack

NAME: Final = "front"
DOCKER_NAMES: Final = "127.0.0.11"  # Docker's own name server, the same in every container
FILES: Final[Mapping[Server, str]] = {Server.NGINX: "nginx.conf", Server.CADDY: "Caddyfile"}
PLACES: Final[Mapping[Server, str]] = {
    Server.NGINX: "/etc/nginx/conf.d/default.conf",
    Server.CADDY: "/etc/caddy/Caddyfile",
}
# That lets requests in hand end; to the other one, each ends at once (nginx(8); Caddy's docs, Command line).
STOP_SIGNALS: Final[Mapping[Server, str]] = {Server.NGINX: "QUIT", Server.CADDY: "TERM"}
HTTP_PORT, HTTPS_PORT = 80, 443
STOP_MARGIN_SECONDS: Final = 5


def front_file(process: Process, site: Site, upstream: str) -> File:
    """Its configuration; `upstream` is the site's name on the network. Raises ValueError, see `front`."""
    wanted = site.options.front
    fronted = Fronted(
        name=site.stack.name,
        upstreams=(f"{upstream}:{ports(process.listeners)[0].number}",),
        hosts=wanted.hosts,
        port=HTTP_PORT,
        static_url=wanted.static_url,
        static_root=STATIC if has_static(site) else "",
        body_bytes=wanted.body_bytes,
        read_seconds=read_seconds(process),
        resolver=DOCKER_NAMES,
    )
    text = nginx(fronted) if wanted.server is Server.NGINX else caddyfile(fronted)
    return File(path=FILES[wanted.server], text=text)


def beside(stack: Stack, options: ContainerOptions) -> tuple[str, ...]:
    """The services that are no process of the stack."""
    return (*stack.services, *([] if options.front.server is Server.NONE else [NAME]))


def has_static(site: Site) -> bool:
    """They are in the front's own image, so it takes a build to have them."""
    return bool(site.options.image.build and site.options.image.static_root)


def front_service(process: Process, site: Site, file: File) -> dict[str, Data]:
    """The service, which reads `file`; what Compose and Swarm say differently is not in it."""
    server = site.options.front.server
    name, _, tag = site.image.rpartition(":")
    image = (f"{name or tag}-front:{tag if name else 'latest'}") if has_static(site) else FRONT_IMAGES[server]
    service: dict[str, Data] = {
        "image": image,
        "ports": port_list(site),
        "configs": [{"source": _config_name(file), "target": PLACES[server]}],
        "stop_signal": f"SIG{STOP_SIGNALS[server]}",
        "stop_grace_period": f"{read_seconds(process) + STOP_MARGIN_SECONDS}s",
    }
    if server is Server.CADDY:
        service["volumes"] = [f"{NAME}:/data"]  # Its certificates.
    return service


def port_list(site: Site) -> list[str]:
    front = site.options.front
    ports_ = [f"{front.port}:{HTTP_PORT}"]
    if front.server is Server.CADDY and front.hosts:
        ports_ += [f"{HTTPS_PORT}:{HTTPS_PORT}", f"{HTTPS_PORT}:{HTTPS_PORT}/udp"]
    return ports_


def front_config(file: File, site: Site) -> dict[str, Data]:
    """Its `configs` entry."""
    name = _config_name(file)
    return {name: {"name": f"{site.stack.name}_{name}", "file": f"./{file.path}"}}


def _config_name(file: File) -> str:
    """With the content's hash: Swarm never changes a config, it takes another one; and Compose renews the service for
    what the service itself says alone.
    """
    return f"{NAME}_{hash_of(file.text)}"
