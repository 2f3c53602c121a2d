"""pm2, by npm, with its default settings; its home is in the directory."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.injection.managers.base import Manager, Service
from benchmarks.install import Unavailable, run_quietly


def install(cache: Path) -> Manager:
    """Raises Unavailable where there is no npm."""
    package = cache / "pm2" / "node_modules" / "pm2"
    if not package.exists():
        run_quietly(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(cache / "pm2"), "pm2"])
    if not package.exists():
        raise Unavailable("npm said that it has installed pm2, but it is not there")
    command = str(package / "bin" / "pm2")
    return Manager(
        name="pm2",
        version=str(json.loads((package / "package.json").read_text())["version"]),
        write=write,
        configuration="ecosystem.config.js",
        up=(command, "start", "ecosystem.config.js"),
        stays=False,
        find_pid=lambda directory: int((directory / "pm2" / "pm2.pid").read_text()),
        status=(command, "list"),
        restart=lambda name: (command, "reload", name),
        rereads={"startOrReload": (command, "startOrReload", "ecosystem.config.js")},
        mistake="}\n",
        down=(command, "kill"),
        states=("errored", "stopped", "waiting", "launching", "online"),
        environment=lambda directory: {"PM2_HOME": str(directory / "pm2")},
    )


def write(directory: Path, services: tuple[Service, ...]) -> None:
    text = json.dumps({"apps": [_application(service) for service in services]}, indent=2)
    (directory / "ecosystem.config.js").write_text(f"module.exports = {text}\n")


def _application(service: Service) -> dict[str, object]:
    """`interpreter: none` runs it as it is; else pm2 takes it for JavaScript."""
    program, *arguments = service.argv
    return {
        "name": service.name,
        "script": program,
        "args": arguments,
        "interpreter": "none",
        "out_file": str(service.log),
        "error_file": str(service.log),
    }
