"""What containers cannot do of a stack, or what a person should know before it runs in them."""

from __future__ import annotations

import os
from collections.abc import Iterator

from procession.engines.containers.inside import APP, LOOPBACK, is_open, moved, ports
from procession.engines.containers.options import Form, Server
from procession.engines.containers.secrecy import secret_problems
from procession.engines.containers.service import Site
from procession.engines.containers.stores import StoreType
from procession.errors import Problem
from procession.stack.model import Kind, ProbeType, Process


def problems(site: Site) -> list[Problem]:
    options = site.options
    found = [*_of_the_front(site), *_of_ladders(site), *_of_sqlite(site)]
    found += secret_problems(site.stack, options.secrets, writes=options.write_secrets)
    for process in site.stack.processes:
        found += _of_process(process, site)
    return found


def _of_process(process: Process, site: Site) -> Iterator[Problem]:
    where, origin = process.name, process.origin.text()
    if process.listeners and not ports(process.listeners):
        what = "listens on a unix socket, which other containers cannot reach"
        yield Problem("W121", where, what, origin, 'write an address: "127.0.0.1:8000"')
    elif not is_open(process) or (site.options.form is Form.ONE and _loopback(process)):
        what = f"listens on {process.listeners[0].bind} of its own container, where nothing reaches it"
        yield Problem("W121", where, what, origin, 'write: "0.0.0.0:8000"')
    if process.kind is Kind.PROCESS and process.readiness.type is ProbeType.NOTIFY:
        what = "says by sd_notify when it is ready, and nobody listens in a container"
        yield Problem("W122", f"{where}.readiness", what, origin, "declare an http, tcp or exec probe")


def _loopback(process: Process) -> bool:
    return any(port.host in LOOPBACK for port in ports(process.listeners))


def _of_ladders(site: Site) -> Iterator[Problem]:
    """One for all of them: most web servers and workers have a second step, for the case that the first hangs."""
    if site.options.form is Form.ONE:
        return
    later = {process.name: process.stop[1:] for process in site.stack.processes if len(process.stop) > 1}
    if later:
        said = ", ".join(f"{name} ({' '.join(step.signal for step in steps)})" for name, steps in later.items())
        what = f"Docker sends the first signal alone, and kills at the end of the whole ladder; left out: {said}"
        yield Problem("W123", "stop", what, "", "the form ONE sends them all: its supervisor does")


def _of_sqlite(site: Site) -> Iterator[Problem]:
    stack = site.stack
    if stack.sqlite and not site.options.volumes and not _names_a_database(site):
        what = f"each container would have a {os.path.basename(stack.sqlite)} of its own, which is gone with it"
        folder = moved(os.path.dirname(stack.sqlite), stack.directory)
        keep = "move it to a folder of its own, and" if folder == APP else "write:"  # a volume would hide the code
        fix = f'{keep} "VOLUMES": ["data:{"/data" if folder == APP else folder}"]; or SERVICES, with postgresql'
        yield Problem("W127", "database", what, "", fix)


def _names_a_database(site: Site) -> bool:
    """Whether a variable may, which the settings have not seen here."""
    told = any(one.env_files or "DATABASE_URL" in one.environment for one in site.stack.processes)
    has_store = any(store.type is StoreType.POSTGRESQL for store in site.stores.values())
    return told or bool(site.options.env_file) or has_store


def _of_the_front(site: Site) -> Iterator[Problem]:
    front = site.options.front
    if front.server is Server.NONE:
        return
    process = site.front
    if process is None or not ports(process.listeners):
        what = (
            f"no process that listens on a port: {front.process!r}" if front.process else "no process listens on a port"
        )
        yield Problem("E121", "front.process", what, "", "name one that does, or leave the front out")
