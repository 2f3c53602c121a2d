"""A container without its image: the command, variables and probes of a manifest, in a PID namespace of their own.

What the command starts is process 1 there, as it is in a pod, and probes and hooks are started beside it: so a signal
that process 1 would ignore, and a hook that names it, do what they do in a cluster. What is read is the rendered YAML.
"""

from __future__ import annotations

import http.client
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from procession.engines.kubernetes.environment import HEARTBEAT_FILE
from procession.engines.kubernetes.options import Options
from procession.engines.kubernetes.render import render
from procession.stack.model import Stack
from tests.engines.kubernetes.kubelet import expand

GOOD = range(200, 400)  # what the kubelet takes of an httpGet
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """All objects of a rendering by "Kind name"; `folder` takes the place of a pod's /tmp."""

    objects: Mapping[str, Any]
    folder: Path

    def pod(self, start: str) -> Any:
        """The spec of the one whose "Kind name" begins so."""
        [name] = [name for name in self.objects if name.startswith(start)]
        return self.objects[name]["spec"]["template"]["spec"]

    def variables(self, container: Any) -> dict[str, str]:
        """As the kubelet puts them together: `env` wins over `envFrom`, and $(NAME) in it is replaced."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                found |= self.objects[f"ConfigMap {source['configMapRef']['name']}"]["data"]
        for one in container.get("env", []):
            found[one["name"]] = self.place(expand(one["value"], found))
        return found

    def words(self, container: Any, words: Sequence[str], *, expanded: bool = True) -> list[str]:
        variables = self.variables(container)
        return [self.place(expand(word, variables) if expanded else word) for word in words]

    def place(self, text: str) -> str:
        return text.replace(HEARTBEAT_FILE, str(self.folder / "heartbeat"))


def cluster(stack: Stack, options: Options, folder: Path) -> Cluster:
    rendering = render(stack, options)
    found = [one for file in rendering.files for one in yaml.safe_load_all(file.text)]
    return Cluster({f"{one['kind']} {one['metadata']['name']}": one for one in found if "metadata" in one}, folder)


@contextmanager
def running(there: Cluster, container: Any, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Its command as process 1. What is left at the end is killed with its namespace."""
    argv = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "--"]
    argv += there.words(container, container["command"])
    environment = {"PATH": os.environ["PATH"], "HOME": str(there.folder), **there.variables(container)}
    with log.open("wb") as out:
        child = subprocess.Popen(argv, cwd=container["workingDir"], env=environment, stdout=out, stderr=out)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def first(child: subprocess.Popen[bytes]) -> int:
    """Process 1 of the namespace, by its number out here; 0: not yet there."""
    path = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    words = path.read_text().split() if path.exists() else []
    return int(words[0]) if words else 0


def execute(there: Cluster, container: Any, words: Sequence[str], child: subprocess.Popen[bytes]) -> int:
    """What an exec probe or hook gives: its exit code. The kubelet starts it in the container."""
    argv = ["nsenter", f"--target={first(child)}", "--pid", "--mount", "--", *words]
    environment = {"PATH": os.environ["PATH"], **there.variables(container)}
    return subprocess.run(argv, env=environment, check=False, timeout=ANSWER_SECONDS).returncode


def get(question: Any, **instead: str) -> int:
    """The status that an httpGet of the kubelet gets, 0 if nobody answers; it follows no redirect to another host."""
    headers = {one["name"]: one["value"] for one in question["httpHeaders"]} | instead
    asked = http.client.HTTPConnection("127.0.0.1", question["port"], timeout=ANSWER_SECONDS)
    try:
        asked.request("GET", question["path"], headers=headers)
        return asked.getresponse().status
    except OSError:
        return 0
    finally:
        asked.close()
