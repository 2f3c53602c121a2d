"""Swarm's secrets: what SECRETS names, from where one applies into Swarm's own store, and into no file of ours.

A secret of Swarm never changes, so its name holds the hash of its value: another value is another secret, which makes
Swarm renew the instances; the one before stays for a rollback, and goes with the stack (`docker stack rm`).
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

from procession.engines.base import Asked
from procession.engines.containers.docker import well
from procession.engines.containers.swarmed import secret_variable
from procession.engines.steps import Command, Steps
from procession.envfile import read_env_file
from procession.refusal import Refusal

NAME_CHARS_MAX: Final = 64  # swarmkit's, of a secret
HASH_CHARS: Final = 12


def secret_names(asked: Asked) -> Steps[dict[str, str]]:
    """Makes the secrets that are not there yet; gives the variables that tell `docker stack deploy` their names.

    One whose value is nowhere here must be there under its own name already. Raises Refusal.
    """
    if not asked.options.secrets:
        return {}
    done = yield from well(Command(argv=("docker", "secret", "ls", "--format", "{{.Name}}"), looks=True), "no secrets")
    there, values = set(done.stdout.split()), _values(asked)
    found = {}
    for variable in asked.options.secrets:
        if variable in values:
            name = _name(asked.stack.name, variable, values[variable])
            if name not in there:
                yield from _create(asked, name, values[variable])
            found[secret_variable(variable)] = name
    return found


def _create(asked: Asked, name: str, value: str) -> Steps[None]:
    label = f"com.docker.stack.namespace={asked.stack.name}"
    argv = ("docker", "secret", "create", "--label", label, name, "-")
    yield from well(Command(argv=argv, given=value), f"cannot make the secret {name}")


def _name(stack: str, variable: str, value: str) -> str:
    """Who may list the secrets of a swarm may read them, too, by a service: the hash tells nobody more."""
    digest = hashlib.sha256(f"{stack}\0{variable}\0{value}".encode()).hexdigest()[:HASH_CHARS]
    return f"{f'{stack}_{variable}'[: NAME_CHARS_MAX - HASH_CHARS - 1]}_{digest}"


def _values(asked: Asked) -> dict[str, str]:
    """Declared in ENV, or in an env file, or set where one applies: the last wins. Raises Refusal."""
    found: dict[str, str] = {}
    for process in asked.stack.processes:
        found.update(process.environment)
    paths = [path for process in asked.stack.processes for path in process.env_files]
    for path in dict.fromkeys([*paths, *asked.options.env_file]):
        try:
            found.update(read_env_file(os.path.join(asked.stack.directory, path)))
        except (OSError, ValueError) as error:
            raise Refusal(f"cannot read an env file: {error}") from error
    return {**found, **os.environ}
