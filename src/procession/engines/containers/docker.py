"""Commands of `docker`, and what is made of their end."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from procession.engines.base import Asked, Need
from procession.engines.containers.secrecy import taken_variables
from procession.engines.containers.seen import Seen, read_inspected
from procession.engines.steps import Command, Steps
from procession.refusal import Refusal
from procession.run import NO_SUCH_PROGRAM, Done

NOT_NEEDED: Final = "not-needed"
COMPOSE_FILE: Final = "compose.yaml"
PROJECT: Final = "com.docker.compose.project"
FILES_FORMAT: Final = '{{.Label "com.docker.compose.project.config_files"}}'
EVENTS_SINCE: Final = "24h"
CONTAINER_EVENTS: Final = ("start", "die", "oom", "kill", "health_status")
DAEMON: Final = Need(
    look=lambda _: Command(argv=("docker", "version", "--format", "{{.Server.Version}}"), looks=True),
    lacking="Docker does not answer",
    install="install Docker: docker.io of Debian, or docs.docker.com/engine/install",
    fix="start it: systemctl start docker; or see that you may talk to it: be in the group docker",
)
PLUGIN: Final = Need(
    look=lambda _: Command(argv=("docker", "compose", "version"), looks=True),
    lacking="there is no Docker Compose here",
    install="install Docker and its Compose plugin",
    fix="install docker-compose-plugin, version 2 or later",
    speaks=False,
)


def _other_site(asked: Asked, done: Done) -> str:
    """Containers go by the project's name, so a copy of the site would replace those of the original, or take them
    down. A file that is gone is that of a site which has moved, or is driven from more than one machine.
    """
    ours = os.path.join(asked.directory, COMPOSE_FILE)
    for files in dict.fromkeys(done.stdout.splitlines()):
        paths = files.split(",")
        if ours not in paths and any(map(os.path.exists, paths)):
            return f"there are containers of another site that is called {asked.stack.name}, too: {files}"
    return ""


OWN_PROJECT: Final = Need(
    look=lambda asked: Command(
        argv=("docker", "ps", "--all", "--filter", f"label={PROJECT}={asked.stack.name}", "--format", FILES_FORMAT),
        looks=True,
    ),
    lacking="cannot ask for the containers",
    install="install Docker",
    fix='give this one a name of its own: PRODUCTION_STACK = {"NAME": ...}',
    objection=_other_site,
)
MANAGER: Final = Need(
    look=lambda _: Command(argv=("docker", "node", "ls", "--quiet"), looks=True),
    lacking="this is no manager of a swarm",
    install="install Docker",
    fix="docker swarm init makes it one; or say which: DOCKER_HOST=ssh://you@manager",
)


def compose_command(asked: Asked, *words: str, project_directory: str = "") -> tuple[str, ...]:
    """`docker compose` for this stack. The project has the stack's name, whatever its directory is called."""
    where = ("--project-directory", project_directory) if project_directory else ()
    file = os.path.join(asked.directory, COMPOSE_FILE)
    return ("docker", "compose", "--project-name", asked.stack.name, "--file", file, *where, *words)


def compose(asked: Asked, *words: str, looks: bool = False, shown: bool = False) -> Command:
    return Command(argv=compose_command(asked, *words), looks=looks, shown=shown)


def compose_there(asked: Asked, *words: str, shown: bool = False) -> Command:
    """What makes no container, and so needs no secret: who looks at the logs at night may have none at hand."""
    options = asked.options
    names = taken_variables(asked.stack, options.secrets, writes=options.write_secrets)
    command = compose(asked, *words, shown=shown)
    return replace(command, environment=dict.fromkeys(names, NOT_NEEDED))


def containers(asked: Asked) -> Steps[list[Seen]]:
    """All containers of the stack, stopped ones too. It takes no file: there may be none yet. Raises Refusal."""
    label = f"label={PROJECT}={asked.stack.name}"
    look = Command(argv=("docker", "ps", "--all", "--quiet", "--filter", label), looks=True)
    listed = yield from well(look, "cannot ask for the containers")
    ids = listed.stdout.split()
    if not ids:
        return []
    done = yield from well(Command(argv=("docker", "inspect", *ids), looks=True), "cannot look at the containers")
    return read_inspected(done.stdout)


def well(command: Command, failure: str) -> Steps[Done]:
    """Its end. Raises Refusal, with the tool's own last words, if it is not well."""
    done = yield command
    if done.status == NO_SUCH_PROGRAM:
        raise Refusal("docker is not here", "install Docker and its compose plugin")
    if not done.is_well:
        raise Refusal(f"{failure}: {done.last_words()}", f"it was: {command.text()}")
    return done
