"""Images for the tests, made of what is on this machine: there is no registry to ask. The daemon: `machines`."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

USER = 10001
ROOT = Path(__file__).parents[2]
FEEDREADER = ROOT / "examples" / "feedreader"
PACKAGES = ("django", "celery", "gunicorn", "dj-database-url", "feedparser", "whitenoise", "redis", "packaging")
NAME = re.compile(r"[A-Za-z0-9._-]+")


def import_image(name: str, environment: Mapping[str, str], archive: Path) -> None:
    """The feed reader's image, as its Dockerfile would leave it: /app, `python` on PATH, a user of its own."""
    with tarfile.open(archive, "w", dereference=True) as tar:
        for source, target in _files():
            tar.add(source, target, recursive=False)
        for folder in ("app", "app/.procession", "data", "tmp"):
            tar.addfile(_folder(folder))
    path = f"PATH=/opt/bin:{sys.base_prefix}/bin:/usr/bin:/bin"
    changes = [f"ENV {path} PYTHONPATH=/opt/site PYTHONDONTWRITEBYTECODE=1", "WORKDIR /app", f"USER {USER}"]
    words = [word for change in changes for word in ("--change", change)]
    subprocess.run(["docker", "import", *words, str(archive), name], env=environment, check=True, capture_output=True)


def import_nginx(name: str, environment: Mapping[str, str], archive: Path) -> None:
    """This machine's nginx, laid out as the image of nginx's makers is: it reads /etc/nginx/conf.d/default.conf."""
    program = shutil.which("nginx")
    if not program:
        pytest.skip("needs nginx (Debian's nginx-light)")
    conf = archive.with_name("nginx.conf")
    conf.write_text(NGINX_CONF)
    with tarfile.open(archive, "w", dereference=True) as tar:
        for path in {program, *libraries([program])}:
            tar.add(path, path)
        tar.add(conf, "/etc/nginx/nginx.conf")
        tar.add("/etc/nginx/mime.types", "/etc/nginx/mime.types")
        for path in ("/etc/passwd", "/etc/group"):
            tar.add(path, path)
        for folder in ("tmp", "var/log/nginx", "var/lib/nginx"):
            tar.addfile(_folder(folder))
    words = ["--change", f'CMD ["{program}", "-c", "/etc/nginx/nginx.conf"]']
    subprocess.run(["docker", "import", *words, str(archive), name], env=environment, check=True, capture_output=True)


def import_caddy(name: str, environment: Mapping[str, str], archive: Path) -> None:
    """This machine's Caddy, laid out as the image of its makers is: it reads /etc/caddy/Caddyfile."""
    skip_without("caddy")
    program = shutil.which("caddy") or ""
    with tarfile.open(archive, "w", dereference=True) as tar:
        for path in {program, *libraries([program]), "/etc/passwd"}:
            tar.add(path, path)
        for folder in ("tmp", "data", "config"):
            tar.addfile(_folder(folder))
    words = ["--change", "ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config"]
    command = [program, "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
    words += ["--change", f"CMD {json.dumps(command)}"]
    subprocess.run(["docker", "import", *words, str(archive), name], env=environment, check=True, capture_output=True)


def import_redis(name: str, environment: Mapping[str, str], archive: Path) -> None:
    """This machine's Redis, with the folder for its data."""
    skip_without("redis-server", "redis-cli")
    programs = ["/usr/bin/redis-server", "/usr/bin/redis-cli"]
    with tarfile.open(archive, "w", dereference=True) as tar:
        for path in {*programs, *libraries(programs)}:
            tar.add(path, path)
        tar.addfile(_folder("data"))
    words = ["--change", "WORKDIR /data"]
    subprocess.run(["docker", "import", *words, str(archive), name], env=environment, check=True, capture_output=True)


NGINX_CONF = """\
daemon off;
user root root;
error_log stderr;
pid /tmp/nginx.pid;
events {}
http {
    access_log off;
    include /etc/nginx/mime.types;
    include /etc/nginx/conf.d/*.conf;
}
"""


def _folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid = tarfile.DIRTYPE, 0o1777, USER
    return info


def _files() -> Iterator[tuple[str, str]]:
    """What goes into the image, and where to."""
    python = os.path.realpath(sys.executable)
    library = Path(sysconfig.get_path("stdlib"))
    modules = [path for path in library.rglob("*") if not {"test", "__pycache__", "site-packages"} & {*path.parts}]
    yield python, "/opt/bin/python"
    yield python, python
    yield "/bin/sh", "/bin/sh"
    yield from ((str(path), str(path)) for path in modules)
    yield from (
        (path, path) for path in libraries([python, "/bin/sh", *(str(m) for m in modules if m.suffix == ".so")])
    )
    yield from ((str(path), f"/app/{path.relative_to(FEEDREADER)}") for path in FEEDREADER.rglob("*.*"))
    source = ROOT / "src"
    yield from ((str(path), f"/opt/site/{path.relative_to(source)}") for path in source.rglob("*") if path.is_file())
    for name in sorted(_closure(PACKAGES)):
        for file in importlib.metadata.files(name) or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                yield str(file.locate()), f"/opt/site/{file}"


def skip_without(*programs: str) -> None:
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"needs {program}")


def libraries(programs: Iterable[str]) -> set[str]:
    """The shared libraries that they need, by ldd(1)."""
    said = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    return set(re.findall(r"(/\S+\.so\S*) \(0x", said)) | set(re.findall(r"=> (/\S+) \(0x", said))


def _closure(names: Iterable[str]) -> set[str]:
    """The packages that are installed of those named and of all that they need."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower()
        if name in found:
            continue
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found.add(name)
        waiting += [match[0] for need in needs if "extra ==" not in need and (match := NAME.match(need))]
    return found
