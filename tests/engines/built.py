"""A root file system for the FROM line of a Dockerfile: this machine's Python, a shell, wheels instead of an index."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.engines.dockerd import FEEDREADER, ROOT, libraries, skip_without

PROGRAMS = ("sh", "mkdir", "chmod", "chown", "groupadd", "useradd")  # that the Dockerfile calls
WHEELS = "/wheels"
PIP_CONF = f"[global]\nno-index = true\nfind-links = {WHEELS}\n"
PASSWD = "root:x:0:0:root:/root:/bin/sh\n"


def import_python(name: str, environment: Mapping[str, str], folder: Path) -> None:
    """Under the official image's name. pip in it finds what the feed reader needs, and Procession, without a net."""
    skip_without(*PROGRAMS)
    wheels = folder / "wheels"
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", str(wheels), str(ROOT)]
    subprocess.run([*argv, "--requirement", str(FEEDREADER / "requirements.txt")], check=True, capture_output=True)
    python = os.path.realpath(sys.executable)
    archive = folder / "python.tar"
    with tarfile.open(archive, "w", dereference=True) as tar:
        for source, target in _files(python):
            tar.add(source, target, recursive=False)
        for wheel in wheels.iterdir():
            tar.add(wheel, f"{WHEELS}/{wheel.name}")
        for target, text in {"etc/pip.conf": PIP_CONF, "etc/passwd": PASSWD, "etc/group": "root:x:0:\n"}.items():
            (folder / "text").write_text(text)
            tar.add(folder / "text", target)
        tar.addfile(_folder("tmp"))
        tar.addfile(_link(f"{os.path.dirname(python)}/python", os.path.basename(python)))
    change = f"ENV PATH={os.path.dirname(python)}:/usr/sbin:/usr/bin:/sbin:/bin"
    argv = ["docker", "import", "--change", change, str(archive), name]
    subprocess.run(argv, env=environment, check=True, capture_output=True)


def _files(python: str) -> Iterator[tuple[str, str]]:
    library = Path(sysconfig.get_path("stdlib"))
    left_out = {"test", "__pycache__", "site-packages", "dist-packages", "idlelib", "tkinter"}
    modules = [path for path in library.rglob("*") if path.is_file() and not left_out & {*path.parts}]
    programs = [f"/bin/{name}" if os.path.exists(f"/bin/{name}") else f"/usr/sbin/{name}" for name in PROGRAMS]
    needing = [python, *programs, *(str(path) for path in modules if path.suffix == ".so")]
    yield from ((path, path) for path in (python, *programs, *libraries(needing)))
    yield from ((str(path), str(path)) for path in modules)
    debian = Path("/usr/share/python-wheels")  # where its ensurepip has pip
    yield from ((str(path), str(path)) for path in debian.glob("*.whl"))
    yield "/usr/share/zoneinfo/UTC", "/usr/share/zoneinfo/UTC"


def _folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o1777
    return info


def _link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info
