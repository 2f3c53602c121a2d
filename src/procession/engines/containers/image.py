"""The site's Dockerfile, and what its build does not get to see."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from procession.engines.containers.inside import APP
from procession.engines.containers.options import Image, Installer, Server
from procession.engines.containers.service import PATHS, Site
from procession.engines.files import File
from procession.engines.registry import MODULES
from procession.engines.text.docker import docker_words

DOCKERFILE = "Dockerfile"
UID = 10001  # of no user on the host; the same in each build, so that volumes stay readable
VENV = "/opt/venv"
UV_VERSION = "0.9"
FRONT_IMAGES = {Server.NGINX: "nginx:1.28-alpine", Server.CADDY: "caddy:2.10-alpine"}
STATE = f"{APP}/.procession"  # where a supervisor in the container keeps its own
SITE_TARGET, FRONT_TARGET = "site", "front"
SETTINGS = "DJANGO_SETTINGS_MODULE"
STATIC = "/srv/static"  # in the front's image
DEPLOY = "deploy"  # where engines put their files, if nobody says another folder
# A pattern without `**/` is of the project's own folder alone, and secrets are found deeper, too.
IGNORED = (
    ".git", ".hg", ".svn", ".gitignore", ".github",
    ".venv", "venv", "**/node_modules", "**/__pycache__", "**/*.py[co]", "**/.*_cache",
    "**/.env", "**/.env.*", "**/*.pem", "**/*.key", "**/*.sqlite3", "**/*.sqlite3-*", "**/*.log", ".procession",
    *(f"{DEPLOY}/{name}" for name in MODULES),
)  # fmt: skip


def image_files(site: Site) -> list[File]:
    """The Dockerfile and its ignore file; nothing where the image is built elsewhere."""
    if not site.options.image.build:
        return []
    text = "\n".join(_dockerfile(site)) + "\n"
    ignored = "\n".join((*IGNORED, *_ignored(site))) + "\n"
    return [File(path=DOCKERFILE, text=text), File(path=f"{DOCKERFILE}.dockerignore", text=ignored)]


def _ignored(site: Site) -> list[str]:
    """Collected files are collected anew. Env files hold secrets, and so does our own folder: the `.env` beside the
    file, or with WRITE_SECRETS the file itself.
    """
    static = [site.options.image.static_root] if site.options.image.static_root else []
    home = site.stack.directory
    files = [path for process in site.stack.processes for path in process.env_files]
    named = {os.path.normpath(os.path.join(home, path)) for path in (site.directory, *files, *site.options.env_file)}
    return [*static, *sorted(os.path.relpath(path, home) for path in named if path.startswith(f"{home}/"))]


def _dockerfile(site: Site) -> Iterator[str]:
    image = site.options.image
    base = f"python:{image.python}-slim"
    yield f"FROM {base} AS build"  # No line of syntax: it would fetch, at each build, what BuildKit brings with it.
    yield from _packages(image.build_packages)
    yield from (_with_uv() if image.install is Installer.UV else _with_pip(image))
    yield ""
    yield f"FROM {base} AS {SITE_TARGET}"
    yield from _packages(image.packages)
    yield f"RUN groupadd --system --gid {UID} app && useradd --system --uid {UID} --gid app --home-dir {APP} app"
    yield f"ENV PATH={VENV}/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1"
    yield f"COPY --from=build {VENV} {VENV}"
    yield f"WORKDIR {APP}"
    yield "COPY . ."
    yield from _collected(site)
    yield "# The site may make files in its directory (a schedule, a socket), and change or move none that is there."
    folders = " ".join(shlex.quote(folder) for folder in (STATE, *_mounted(site)))
    yield f"RUN mkdir -p {folders} && chown -R app:app {folders} && chown root:app {APP} && chmod 1775 {APP}"
    yield "USER app"
    yield f"CMD {docker_words(['procession', 'supervise'])}"
    yield from _front(site)


def _mounted(site: Site) -> list[str]:
    """Where the named volumes are: a new one takes its owner from what the image has there."""
    found = [volume.split(":") for volume in site.options.volumes]
    return [words[1] for words in found if len(words) > 1 and not words[0].startswith(PATHS)]


def _packages(names: tuple[str, ...]) -> Iterator[str]:
    if names:
        yield (
            "RUN apt-get update && apt-get install -y --no-install-recommends "
            f"{' '.join(names)} && rm -rf /var/lib/apt/lists/*"
        )


def _with_uv() -> Iterator[str]:
    yield f"COPY --from=ghcr.io/astral-sh/uv:{UV_VERSION} /uv /bin/uv"
    yield f"ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT={VENV}"
    yield f"WORKDIR {APP}"
    yield "COPY pyproject.toml uv.lock ./"
    yield "RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-install-project"


def _with_pip(image: Image) -> Iterator[str]:
    yield f"RUN python -m venv {VENV}"
    yield f"COPY {docker_words([image.requirements, '/tmp/requirements.txt'])}"
    yield (
        "RUN --mount=type=cache,target=/root/.cache/pip "
        f"{VENV}/bin/pip install --disable-pip-version-check --requirement /tmp/requirements.txt procession"
    )


def _collected(site: Site) -> Iterator[str]:
    """The settings module is that of the processes. The variables are there for this one command."""
    image = site.options.image
    module = _settings_module(site)
    if not image.static_root or not module:
        return
    pairs = [pair.partition("=") for pair in (f"{SETTINGS}={module}", *image.build_env)]
    said = " ".join(f"{name}={shlex.quote(value)}" for name, _, value in pairs)
    yield f"RUN {said} python manage.py collectstatic --noinput"


def _settings_module(site: Site) -> str:
    named = (process.environment.get(SETTINGS, "") for process in site.stack.processes)
    return next((module for module in named if module), "")


def _front(site: Site) -> Iterator[str]:
    server = site.options.front.server
    if server is Server.NONE:
        return
    yield ""
    yield f"FROM {FRONT_IMAGES[server]} AS {FRONT_TARGET}"
    if site.options.image.static_root:
        yield f"COPY --from={SITE_TARGET} {APP}/{site.options.image.static_root} {STATIC}"
