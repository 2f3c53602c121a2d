"""What a singleton is known by, on this host and on all, and the lease that its program runs under.

On this host: the name that PRODUCTION_STACK declares says which site it is; so does a database that is reached over the
network, whatever the release, or the second copy, that is started. Where there is neither, it is the directory of the
project; one release of several beside a link `current` counts as that link.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b

import procession.lease
from procession.errors import Problem
from procession.lease.store import DATABASE, LEASE_IN, is_known
from procession.stack.declare import Said
from procession.stack.hidden import hide_in_text
from procession.stack.model import Kind, Process, Site

CURRENT = "current"
DIGEST_BYTES = 8


def alone(process: Process, said: Said, stack_name: str, site: Site) -> tuple[Process, list[Problem]]:
    """The process with its lock, and under its lease, if it is a singleton. `stack_name` is "" if not declared."""
    if not process.singleton:
        return process, []
    process = replace(process, lock=host_key(process.name, stack_name, site))
    store = _store(process, said, site)
    problems = list(_problems(store, said, stack_name, site)) if store else []
    if not store or any(problem.is_error for problem in problems):
        return process, problems
    name = f"{stack_name or site.settings_module}/{process.name}"
    return _under_lease(process, store, name, site), problems


def _store(process: Process, said: Said, site: Site) -> str:
    """What was said. Nothing was: a task of which there may be one (migrate) is alone on all hosts of its database."""
    if said.declaration.lease is not None:
        return said.declaration.lease
    return DATABASE if process.kind is Kind.TASK and site.database and site.settings_module else ""


def _problems(store: str, said: Said, stack_name: str, site: Site) -> Iterator[Problem]:
    place = said.written("lease")
    if not is_known(store):
        what = f'must be "database" or a URL of Redis, got {hide_in_text(store)!r}'
        yield place.problem("E070", what, 'write: "redis://localhost:6379/0"')
    elif store == DATABASE and not site.settings_module:
        yield place.problem("E071", "there is no Django here whose database it could be", 'write: "redis://..."')
    elif store == DATABASE and not site.database:
        what = "the default database is a file on this host, which other hosts do not see: the host lock does as much"
        yield place.problem("W070", what, 'use a database that all hosts share, or "redis://..."')
    elif store != DATABASE and not stack_name:
        what = "a Redis may serve several sites, and nothing says which one this is"
        yield place.problem("E072", what, 'give PRODUCTION_STACK a NAME, the same on all hosts: "NAME": "shop"')


def _under_lease(process: Process, store: str, name: str, site: Site) -> Process:
    """Its store by environment: it may hold a password, and everybody may read a command line."""
    if store == DATABASE:
        holder = [site.python, "-m", "procession.django.lease", "--project", site.directory]
    else:
        holder = [site.python, "-I", "-S", os.path.join(*procession.lease.__path__, "__main__.py")]
    once = ["--once"] if process.kind is Kind.TASK else []
    words = (*holder, "--name", name, *once, "--")
    environment = {**process.environment, LEASE_IN: store}
    handoff = (*words, *process.handoff) if process.handoff else ()
    return replace(process, argv=(*words, *process.argv), handoff=handoff, environment=environment, lease=name)


def host_key(process: str, stack_name: str, site: Site) -> str:
    """The name of the lock of a singleton on this host: "beat-0123456789abcdef". `stack_name` is "" if not declared."""
    if stack_name or site.database:
        facts: tuple[str, ...] = (process, stack_name or site.settings_module, site.database)
    else:
        facts = (process, stable_directory(site.directory))
    return f"{process}-{blake2b(repr(facts).encode(), digest_size=DIGEST_BYTES).hexdigest()}"


def stable_directory(directory: str) -> str:
    """The directory without links, and /srv/site/releases/7 as /srv/site/current where that leads to such a release."""
    release = real = os.path.realpath(directory)
    while (releases := os.path.dirname(release)) != release:
        link = os.path.join(os.path.dirname(releases), CURRENT)
        if os.path.islink(link) and os.path.dirname(os.path.realpath(link)) == releases:
            return os.path.join(link, os.path.relpath(real, release))
        release = releases
    return real
