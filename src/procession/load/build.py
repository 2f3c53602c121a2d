"""One declaration -> one complete Process: the backend's command and profile, and what the person said over them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

from procession.backends.base import Backend, Command, Profile
from procession.backends.command import BACKEND as COMMAND
from procession.errors import Problem
from procession.load.choose import choose
from procession.load.facts import STANDARD_PATH, absolute, facts, find_program
from procession.stack.declare import Said
from procession.stack.model import (
    Backoff,
    Declaration,
    Kind,
    Limits,
    Listener,
    Log,
    Probe,
    ProbeType,
    Process,
    RestartWhen,
    Site,
    StopStep,
)

STOP_SECONDS = 30.0  # for the first look at a command, whose profile says the real one


@dataclass(frozen=True, slots=True)
class Built:
    """`binds` are the addresses it serves, by itself or handed over. With an error among them no process is to run."""

    process: Process
    problems: tuple[Problem, ...]
    binds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a Process is put together from. `stop_seconds` is the time that everything nested follows from."""

    said: Said
    declaration: Declaration  # its paths absolute
    site: Site
    backend: Backend
    command: Command
    profile: Profile
    stop_seconds: float


def build(said: Said, site: Site) -> Built:
    """The Process that one declaration means, with all that is wrong with it."""
    declaration = _located(said.declaration, site)
    if not (declaration.backend or declaration.command):
        return _without_backend(said, declaration, site)  # declare() has said so
    backend = choose(said, site)
    if isinstance(backend, Problem):
        return _without_backend(said, declaration, site, backend)
    stop_seconds, command = _command(backend, declaration, site)
    parts = Parts(
        said=said,
        declaration=declaration,
        site=site,
        backend=backend,
        command=command,
        profile=backend.profile(command),
        stop_seconds=stop_seconds,
    )
    return _finish(parts, _process(parts))


def _without_backend(said: Said, declaration: Declaration, site: Site, *wrong: Problem) -> Built:
    """Nothing is known of the program; what else was said is looked at all the same. No probe: it has no address."""
    command = Command(argv=())
    parts = Parts(
        said=replace(said, startup={}, readiness={}, liveness={}),
        declaration=declaration,
        site=site,
        backend=COMMAND,
        command=command,
        profile=COMMAND.profile(command),
        stop_seconds=STOP_SECONDS,
    )
    process = _process(parts)
    return Built(process, (*wrong, *facts(said, process, site)))


def _located(declaration: Declaration, site: Site) -> Declaration:
    """Its paths absolute, from the project's directory on."""
    return replace(
        declaration,
        directory=absolute(declaration.directory or "", site.directory),
        env_file=tuple(absolute(path, site.directory) for path in declaration.env_file),
    )


def _command(backend: Backend, declaration: Declaration, site: Site) -> tuple[float, Command]:
    """The stop timeout that everything nested follows from, and the command that was made with it.

    What the person said wins; then what ARGS ask of the program; then what the program needs, which only its profile
    knows: so the command is built twice if that is another time than we began with.
    """
    wanted = declaration.stop_timeout_seconds
    if wanted is None and declaration.stop:
        wanted = declaration.stop[0].seconds
    command = backend.build(declaration, site, STOP_SECONDS if wanted is None else wanted)
    if wanted is not None:
        return wanted, command
    if command.stop_timeout_seconds is not None:
        return command.stop_timeout_seconds, command
    needed = backend.profile(command).stop_timeout_seconds
    return needed, command if needed == STOP_SECONDS else backend.build(declaration, site, needed)


def _process(parts: Parts) -> Process:
    declaration, profile, command = parts.declaration, parts.profile, parts.command
    kind = declaration.type or profile.kind
    return Process(
        name=parts.said.name,
        kind=kind,
        backend=parts.backend.name,
        argv=command.argv,
        handoff=command.handoff,
        listeners=_listeners(declaration, command),
        environment=environment(parts.site, command.environment, declaration.env),
        env_files=declaration.env_file,
        directory=declaration.directory or parts.site.directory,
        user=declaration.user or "",
        group=declaration.group or "",
        umask=declaration.umask,
        replicas=1 if declaration.replicas is None else declaration.replicas,
        max_surge=1 if declaration.max_surge is None else declaration.max_surge,
        depends_on=declaration.depends_on,
        startup=_startup(parts, kind),
        readiness=_readiness(parts, kind),
        tells_ready=kind is Kind.PROCESS and profile.readiness.type is ProbeType.APP,
        workers=max(command.workers, 1),
        liveness=_liveness(parts, kind),
        stop=_ladder(parts),
        reload_signal=profile.reload_signal,
        success=profile.success,
        restart=declaration.restart or (RestartWhen.NEVER if kind is Kind.TASK else profile.restart),
        backoff=declaration.backoff or Backoff(),
        limits=declaration.limits or Limits(),
        max_age_seconds=declaration.max_age_seconds or 0.0,
        no_new_privs=bool(declaration.no_new_privs),
        log=declaration.log or Log(),
        tty=bool(declaration.tty),
        prometheus=kind is Kind.PROCESS and bool(declaration.prometheus),
        singleton=profile.singleton if declaration.singleton is None else declaration.singleton,
        watch=() if kind is Kind.TASK else profile.watch if declaration.watch is None else declaration.watch,
        origin=parts.said.place.origin(),
    )


def _listeners(declaration: Declaration, command: Command) -> tuple[Listener, ...]:
    """A unix socket belongs to whom it is said to, else to whom the process runs as: that one made it, alone."""
    user, _, group = (declaration.socket_owner or "").partition(":")
    if not declaration.socket_owner:
        user, group = declaration.user or "", declaration.group or ""
    return tuple(
        replace(
            each,
            mode=each.mode if declaration.socket_mode is None else declaration.socket_mode,
            user=user,
            group=group,
        )
        if each.bind.startswith("unix:")
        else each
        for each in command.listeners
    )


def environment(site: Site, command: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process: what every one gets, what its program needs, what the person said; the later wins."""
    settings = site.environment()
    unbuffered = {"PYTHONUNBUFFERED": "1"}  # A print() is to be in the log when it is said, not 8 KiB later.
    return {**unbuffered, **settings, **command, **own}


def _readiness(parts: Parts, kind: Kind) -> Probe:
    """What was said over the backend's own. A task is never ready: it is waited for to complete."""
    if kind is Kind.TASK:
        return Probe(type=ProbeType.NONE)
    return _addressed(_overlaid(parts.profile.readiness, parts.said.readiness), parts.command)


def _startup(parts: Parts, kind: Kind) -> Probe | None:
    """Only where it was said."""
    said = parts.said.startup
    return None if kind is Kind.TASK or not said else _asked(parts, _like_readiness(parts.profile.readiness), said)


def _liveness(parts: Parts, kind: Kind) -> Probe | None:
    """Only where it was said, or the backend has one; with a terminal, only where it was said: who stands at a
    breakpoint() answers nobody.
    """
    said, profile = parts.said.liveness, parts.profile
    if parts.declaration.tty and not said:
        return None
    if kind is Kind.TASK or (not said and profile.liveness is None):
        return None
    base = profile.liveness
    if base is None or said.get("type", base.type) is not base.type:
        base = _like_readiness(profile.readiness)
    return _asked(parts, base, said)


def _like_readiness(readiness: Probe) -> Probe:
    """What the answer to a request must be, as the backend knows it; how often, and how long, is another question."""
    return Probe(
        type=ProbeType.TCP if readiness.type is ProbeType.TCP else ProbeType.HTTP, status_below=readiness.status_below
    )


def _asked(parts: Parts, base: Probe, said: Mapping[str, object]) -> Probe | None:
    probe = _overlaid(base, said)
    return None if probe.type is ProbeType.NONE else _addressed(probe, parts.command)


def _overlaid(probe: Probe, said: Mapping[str, object]) -> Probe:
    """A timeout that nobody has said is no longer than the whole start."""
    overlaid = replace(probe, **said)  # type: ignore[arg-type]  # declare() has read each by its field's type
    if "timeout_seconds" in said:
        return overlaid
    return replace(overlaid, timeout_seconds=min(overlaid.timeout_seconds, overlaid.within_seconds))


def _addressed(probe: Probe, command: Command) -> Probe:
    """Where nothing was said and nothing is handed over, the address that the program binds itself."""
    asks = probe.type in {ProbeType.HTTP, ProbeType.TCP} and not probe.address
    if asks and command.listeners and not command.handoff:
        return replace(probe, address=command.listeners[0].bind)
    return probe


def _ladder(parts: Parts) -> tuple[StopStep, ...]:
    return parts.declaration.stop or parts.profile.ladder(parts.stop_seconds)


def _finish(parts: Parts, process: Process) -> Built:
    """Make argv absolute, and ask the machine for what the process names."""
    said, command = parts.said, parts.command
    named = [_placed(said, problem) for problem in command.problems]
    where = {problem.where for problem in named}
    found = [fact for fact in facts(said, process, parts.site) if fact.where not in where]  # Said by the backend, then.
    binds = tuple(listener.bind for listener in command.listeners)
    argv = _with_path(_absolute(process.argv, process, parts.site), said, parts.site)
    process = replace(process, argv=argv, handoff=_absolute(process.handoff, process, parts.site))
    return Built(process, (*named, *found), binds)


def _absolute(argv: tuple[str, ...], process: Process, site: Site) -> tuple[str, ...]:
    """With the program's whole path; one that is not found stays, and has its Problem."""
    program = find_program(argv[0], process, site) if argv else ""
    return (program, *argv[1:]) if program else argv


def _with_path(argv: tuple[str, ...], said: Said, site: Site) -> tuple[str, ...]:
    """A Procfile's shell line finds the programs of the site's Python first, as in an activated environment."""
    is_shell_line = said.place.declared.source == "procfile" and len(argv) == 3 and argv[:2] == ("/bin/sh", "-c")
    folder = os.path.dirname(site.python)
    if not is_shell_line or folder in STANDARD_PATH.split(":"):
        return argv
    return (*argv[:2], f"PATH={shlex.quote(folder)}:$PATH; {argv[2]}")


def _placed(said: Said, problem: Problem) -> Problem:
    """A backend's problem, whose `where` begins inside of the process, with its name in front and its origin."""
    place = said.written(problem.where) if problem.where else said.place
    where = ".".join(part for part in (said.name, problem.where) if part)
    return replace(problem, where=where, origin=problem.origin or place.origin().text())
