"""The verbs, by supervisorctl."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import replace

from procession.engines.base import Asked, State, Verb
from procession.engines.steps import Await, Command, News, Put, Steps
from procession.engines.supervisord.options import CONF, LOG, is_held, owner, program, spec
from procession.engines.supervisord.places import instances, log_folders, log_path, specs, supervisorctl
from procession.engines.supervisord.render import launcher, render, task_path
from procession.engines.supervisord.status import read_rows
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from procession.stack.model import Kind, Process

START_SECONDS = 30.0  # beyond `startsecs`, on a machine that is busy
UP = frozenset({State.READY, State.DONE})
SETTLED = UP | {State.FAILED}
EVENTS = "spawned:|exited:|success:|stopped:|gave up:|killing|waiting for|reaped unknown|supervisord started"


def apply(asked: Asked) -> Steps[None]:
    """Tasks first, each to its end: if one fails, what runs goes on as it was. Raises Refusal."""
    yield from _make_room(asked)
    for process in asked.stack.processes:
        if process.kind is Kind.TASK:
            yield from _run_task(asked, process)
    looked = yield supervisorctl(asked, "pid", looks=True)
    if looked.is_well:
        yield from _well(supervisorctl(asked, "update"), "supervisord does not take its configuration in")
    else:
        start = Command(argv=(program(asked.options), "-c", _conf(asked)), environment={"PYTHONUTF8": "1"})
        yield from _well(start, "supervisord does not start")
        unit = os.path.join(asked.directory, f"{asked.stack.name}-supervisord.service")
        yield News(f"it does not start at boot by itself; as root: systemctl enable {unit}")
    yield from _until_up(asked)


def _make_room(asked: Asked) -> Steps[None]:
    """A directory for one user alone; as root, that user's."""
    yield Command(argv=("mkdir", "-p", *log_folders(asked)))
    yield Command(argv=("chmod", "0700", asked.directory))
    user, group = owner(asked.stack)
    if user and os.geteuid() == 0:
        yield Command(argv=("chown", "-R", f"{user}:{group}", asked.directory))


def _run_task(asked: Asked, process: Process) -> Steps[None]:
    yield News(f"{process.name}: runs")
    done = yield Command(argv=launcher(f"@{task_path(process, asked.directory)}"), shown=True)
    if not done.is_well:
        raise Refusal(f"{process.name} ended with {done.status}; what ran goes on as it was", code=ExitCode.NOT_SO)
    yield News(f"{process.name}: done")


def _until_up(asked: Asked) -> Steps[None]:
    """Raises Refusal for those that do not come up."""
    wanted = {name for _, name in instances(asked)}
    longest = max((process.backoff.steady_seconds for process in asked.stack.processes), default=0.0)

    def states(done: Done) -> dict[str, State]:
        return {row.name: row.state for row in read_rows(done.stdout, asked) if row.name in wanted}

    def are_settled(done: Done) -> bool:
        return states(done).keys() == wanted and set(states(done).values()) <= SETTLED

    look = supervisorctl(asked, "status", looks=True)
    done = yield Await(look=look, holds=are_settled, within_seconds=longest + START_SECONDS, what="all of it runs")
    late = sorted(name for name in wanted if states(done).get(name) not in UP)
    if late and (done.stdout or not done.is_well):  # in a dry run nobody has looked
        raise Refusal(f"not up: {', '.join(late)}", f"procession logs {late[0]}", code=ExitCode.NOT_SO)


def start(asked: Asked) -> Steps[None]:
    yield from _each(asked, "start")


def stop(asked: Asked) -> Steps[None]:
    yield from _each(asked, "stop")


def restart(asked: Asked) -> Steps[None]:
    yield from _each(asked, "restart")


def _each(asked: Asked, word: str) -> Steps[None]:
    some = instances(asked)
    if some:
        yield from _well(
            supervisorctl(asked, word, *specs(some)), f"cannot {word} {', '.join(name for _, name in some)}"
        )
    for _, name in some:
        yield News(f"{name}: {PAST[word]}")


def roll(asked: Asked) -> Steps[None]:
    """One instance after the other; the first that does not stay up ends it. Raises Refusal."""
    some = instances(asked)
    for process, _ in some:
        if process.listeners and not is_held(process):
            what = f"{process.name}: supervisord cannot hold its listener, so a roll would refuse connections"
            raise Refusal(what, f"procession restart {process.name}", code=ExitCode.USAGE)
    for process, name in some:
        failed = f"{name} did not stay up; the others go on as they were"
        yield from _well(supervisorctl(asked, "restart", spec(process.name, name)), failed)
        yield News(f"{name}: rolled")


def scale(asked: Asked) -> Steps[None]:
    """The number stands in the file; supervisord takes it in by restarting every instance of the process."""
    changed = tuple(replace(one, replicas=asked.replicas.get(one.name, one.replicas)) for one in asked.stack.processes)
    asked = replace(asked, stack=replace(asked.stack, processes=changed))
    rendering = render(asked.stack, asked.options)
    for problem in rendering.problems:
        if problem.is_error:
            raise Refusal(problem.what, problem.fix, code=ExitCode.USAGE)
    for file in rendering.files:
        if file.path == CONF:
            yield Put(asked.directory, file, asked.owner)
    yield from _well(supervisorctl(asked, "update", *asked.replicas), "supervisord does not take its configuration in")
    yield from _until_up(replace(asked, names=tuple(asked.replicas)))
    for name, count in asked.replicas.items():
        yield News(f"{name}: {count} instances, all of them new: supervisord can change their number in no other way")


def down(asked: Asked) -> Steps[None]:
    """Raises Refusal where it does not end."""
    pid = (yield supervisorctl(asked, "pid", looks=True)).stdout.strip()
    yield from _well(supervisorctl(asked, "shutdown"), "supervisord does not shut down")
    seconds = sum(math.ceil(process.stop_seconds) for process in asked.stack.processes) + START_SECONDS
    is_gone = Command(argv=("test", "!", "-e", f"/proc/{pid}/exe"), looks=True)  # its pid file goes before it does
    done = yield Await(look=is_gone, holds=_is_well, within_seconds=seconds, what="supervisord has ended")
    if not done.is_well:
        raise Refusal("supervisord has not ended", "procession status", code=ExitCode.TIMED_OUT)
    yield News("all of it is stopped, and supervisord has ended; its files stay")


def _is_well(done: Done) -> bool:
    return done.is_well


def logs(asked: Asked) -> Steps[None]:
    """As supervisord writes them: without times, so they cannot be merged, nor asked for since a moment."""
    paths = [log_path(asked, process, name) for process, name in instances(asked, tasks=not asked.names)]
    there = [path for path in paths if os.path.exists(path)]
    if not there:
        raise Refusal(f"no logs yet in {os.path.dirname(paths[0]) if paths else asked.directory}", code=ExitCode.NOT_SO)
    yield Command(argv=("tail", *_how_much(asked), "--", *there), shown=True)


def events(asked: Asked) -> Steps[None]:
    """What supervisord's own log says of starts, exits and stops."""
    path = os.path.join(asked.directory, LOG)
    names = "|".join(re.escape(name) for _, name in instances(asked, tasks=True))
    pattern = f"({EVENTS}).*" + (f"\\b({names})\\b" if asked.names else "")
    if asked.follow:
        script = f'tail {" ".join(_how_much(asked))} -- "$1" | grep --line-buffered -E -e "$2"'
    else:
        script = f'grep -E -e "$2" -- "$1" | tail {" ".join(_how_much(asked))}'
    yield Command(argv=("sh", "-c", script, "sh", path, pattern), shown=True)


def _how_much(asked: Asked) -> list[str]:
    lines = "+1" if asked.lines is None else str(asked.lines)
    return ["-n", lines, *(["-F"] if asked.follow else [])]


def _conf(asked: Asked) -> str:
    return os.path.join(asked.directory, CONF)


def _well(command: Command, otherwise: str) -> Steps[Done]:
    """Raises Refusal with the tool's last words. supervisorctl says its complaints on stdout, beside its news."""
    done = yield command
    complaints = [line for line in done.stdout.splitlines() if "ERROR" in line or line.lower().startswith("error")]
    if complaints or not done.is_well:
        raise Refusal(f"{otherwise}: {complaints[0] if complaints else done.last_words()}", code=ExitCode.NOT_SO)
    return done


PAST = {"start": "started", "stop": "stopped", "restart": "restarted"}
VERBS: Mapping[str, Verb] = {
    "start": start,
    "stop": stop,
    "restart": restart,
    "roll": roll,
    "scale": scale,
    "down": down,
    "logs": logs,
    "events": events,
}
