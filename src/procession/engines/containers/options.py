"""What PRODUCTION_STACK["ENGINES"]["compose"] and ["swarm"] may say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from procession.stack.model import setting


class Installer(StrEnum):
    """How the image gets its packages."""

    PIP = "pip"  # from a requirements file
    UV = "uv"  # from uv.lock


class Server(StrEnum):
    """What answers in front of the site, and serves its static files."""

    NONE = "none"
    NGINX = "nginx"
    CADDY = "caddy"


class Form(StrEnum):
    PROCESSES = "processes"  # a container for each instance
    ONE = "one"  # a single container, with Procession's supervisor as PID 1


class PublishMode(StrEnum):
    """How Swarm publishes a port."""

    INGRESS = "ingress"  # on every node, led to an instance wherever it is; who asked is not seen
    HOST = "host"  # on the nodes where an instance is, and by its own address


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The site's image."""

    name: str = setting('Its name; "NAME:latest" of the stack if not said', default="")
    build: bool = setting("Render a Dockerfile, and build the image from it", default=True)
    python: str = setting("The version of Python, as the tags of the python image have it", default="3.13")
    install: Installer = setting("pip or uv", default=Installer.PIP)
    requirements: str = setting("pip: the file that names the packages", default="requirements.txt")
    packages: tuple[str, ...] = setting("Debian packages that the site needs to run", default=())
    build_packages: tuple[str, ...] = setting("Debian packages that only the build needs", default=())
    static_root: str = setting(
        "Where collectstatic puts the files, from the project's directory; empty: it is not run", default="staticfiles"
    )
    build_env: tuple[str, ...] = setting(
        'Variables while static files are collected, "NAME=value"; no secrets', default=("SECRET_KEY=only-to-build",)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The server in front."""

    server: Server = setting("nginx, caddy or none", default=Server.NONE)
    process: str = setting('The process that it leads to; "web", or the first that listens, if not said', default="")
    hosts: tuple[str, ...] = setting("The site's host names; with caddy they get certificates", default=())
    port: int = setting("The port on which plain http is served", default=80)
    static_url: str = setting("Where the static files are", default="/static/")
    static_root: str = setting("nginx, caddy on a host: the directory of the static files; empty: none", default="")
    body_bytes: int = setting("The largest request body", default=10 * 2**20)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOptions:
    """One dataclass for both: the same words must mean the same on one machine and on several."""

    directory: str = setting(
        "Where the files go, from the project's directory; deploy/compose or deploy/swarm if not said", default=""
    )
    form: Form = setting(
        "compose: a container for each instance (processes), or a single one (one)", default=Form.PROCESSES
    )
    image: Image = setting("The image", default=Image())
    front: Front = setting("nginx or Caddy in front, with the static files", default=Front())
    publish: tuple[str, ...] = setting(
        "Processes whose addresses can be reached from outside; if not said: all that listen, but not the one behind "
        "the front",
        default=(),
    )
    secrets: tuple[str, ...] = setting(
        "Variables that come as a file instead: NAME_FILE then says where it is", default=()
    )
    write_secrets: bool = setting(
        "Secrets of ENV are written into the files, of mode 0600; else they are taken from where you apply",
        default=False,
    )
    env_file: tuple[str, ...] = setting(
        "Env files beside those of the processes, from the project's directory", default=()
    )
    volumes: tuple[str, ...] = setting('Volumes of every process, "NAME:/path": what outlives a container', default=())
    read_only: bool = setting("Nothing in a container can be written but /tmp", default=False)
    stop_margin_seconds: float = setting("Added to each stop ladder before the engine kills", default=5.0)
    publish_mode: PublishMode = setting("swarm: ingress, or host: without Swarm's mesh", default=PublishMode.INGRESS)
    constraints: tuple[str, ...] = setting('swarm: where instances may be placed: "node.role==worker"', default=())
    front_constraints: tuple[str, ...] = setting(
        "swarm: where the server in front may be placed; as CONSTRAINTS if not said", default=()
    )
    reserved: float = setting(
        "swarm: how much of its limits a node must have free for an instance to be placed there, 0 to 1", default=0.0
    )
