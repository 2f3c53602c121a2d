"""The verbs, by supervisorctl."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from procession.engines.base import Asked, Row, State, Verb
from procession.engines.steps import Await, Command, News, Put, Steps
from procession.engines.supervisord.check import complaint
from procession.engines.supervisord.launched import launcher, task_path
from procession.engines.supervisord.leftovers import end_leftovers
from procession.engines.supervisord.options import CONF, LOG, next_name, program
from procession.engines.supervisord.places import as_owner, instances, log_path, ready_path, supervisorctl
from procession.engines.supervisord.render import render
from procession.engines.supervisord.roll import roll
from procession.engines.supervisord.room import give_to_owner, make_room
from procession.engines.supervisord.unit import enable_at_boot, unit_name
from procession.engines.supervisord.waiting import RUNS, START_SECONDS, look, until_up, well
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from procession.stack.model import Kind, Process

AT_ONCE_MAX = 16  # supervisorctls that run beside each other
NOT_YET = "Not started"  # what supervisorctl says of a program that was added just now
GONE = ("no such file", "refused connection")  # supervisorctl's words where it has ended, or was killed
EVENTS = "spawned:|exited:|success:|stopped:|gave up:|killing|waiting for|reaped unknown|supervisord started"


def apply(asked: Asked) -> Steps[None]:
    """Tasks first, each to its end: if one fails, what runs goes on as it was. Raises Refusal."""
    yield from make_room(asked)
    for process in asked.stack.processes:
        if process.kind is Kind.TASK:
            yield from _run_task(asked, process)
    if (yield supervisorctl(asked, "pid", looks=True)).is_well:
        yield from well(supervisorctl(asked, "update"), "supervisord does not take its configuration in")
        yield from _start_the_stopped(asked)
    else:
        yield from _begin(asked)
    yield from until_up(asked, instances(asked))


def _begin(asked: Asked) -> Steps[None]:
    yield from end_leftovers(asked)
    start = as_owner(asked, program(asked.options), "-c", _conf(asked))
    yield from well(replace(start, environment={"PYTHONUTF8": "1"}), "supervisord does not start")
    path = os.path.join(asked.directory, unit_name(asked.stack))
    yield News(f"it does not start at boot by itself; as root: {enable_at_boot(path)}")


def _start_the_stopped(asked: Asked) -> Steps[None]:
    """`update` leaves them alone: those that a person has stopped, and those that gave up."""
    there = yield from look(asked)
    names = [name for _, name in instances(asked) if name in there and _is_down(there[name])]
    if names:
        yield _at_once(asked, "start", names)


def _is_down(row: Row) -> bool:
    return row.state is State.FAILED or (row.state is State.STOPPED and NOT_YET not in row.said)


def _run_task(asked: Asked, process: Process) -> Steps[None]:
    """That it is done is kept in a file, since supervisord knows nothing of it."""
    done_path = ready_path(asked, process.instances()[0])
    yield News(f"{process.name}: runs")
    yield as_owner(asked, "rm", "-f", done_path)
    done = yield as_owner(asked, *launcher(f"@{task_path(process, asked.directory)}"), shown=True)
    if not done.is_well:
        raise Refusal(f"{process.name} ended with {done.status}; what ran goes on as it was", code=ExitCode.NOT_SO)
    yield as_owner(asked, "sh", "-c", 'echo done > "$1"', "sh", done_path)
    yield News(f"{process.name}: done")


def start(asked: Asked) -> Steps[None]:
    _, resting = yield from _two_kinds(asked)
    yield from _do(asked, "start", resting)


def stop(asked: Asked) -> Steps[None]:
    running, _ = yield from _two_kinds(asked)
    yield from _do(asked, "stop", running)


def restart(asked: Asked) -> Steps[None]:
    running, resting = yield from _two_kinds(asked)
    yield from _do(asked, "restart", running)
    yield from _do(asked, "start", resting)


def _two_kinds(asked: Asked) -> Steps[tuple[list[str], list[str]]]:
    """Of the instances that are meant: those that run, or try to, and those that do not. supervisorctl complains of
    those that are already as they are wanted.
    """
    there = yield from look(asked)
    names = [name for _, name in instances(asked)]
    running = [name for name in names if name in there and there[name].state in RUNS]
    left = [row.name for row in there.values() if _is_next(row, asked)]  # by a roll that ended early
    return running + left, [name for name in names if name not in running]


def _do(asked: Asked, word: str, names: Sequence[str]) -> Steps[None]:
    if names:
        yield from well(_at_once(asked, word, names), f"cannot {word} {', '.join(names)}")
    for name in names:
        yield News(f"{name}: {PAST[word]}")


def _is_next(row: Row, asked: Asked) -> bool:
    process = asked.stack.process(row.process)
    is_meant = not asked.names or bool({row.process, row.name} & set(asked.names))
    return process is not None and row.name == next_name(process) and is_meant


def _at_once(asked: Asked, word: str, names: Sequence[str]) -> Command:
    """With several names, supervisorctl waits for each before it goes to the next."""
    one = supervisorctl(asked, word)
    if len(names) == 1:
        return replace(one, argv=(*one.argv, *names))
    script = f"printf '%s\\n' \"$@\" | xargs -n 1 -P {AT_ONCE_MAX} {shlex.join(one.argv)}"
    return replace(one, argv=("sh", "-c", script, "sh", *names))


def scale(asked: Asked) -> Steps[None]:
    """Each instance is a program of its own, so the others are not touched."""
    changed = tuple(replace(one, replicas=asked.replicas.get(one.name, one.replicas)) for one in asked.stack.processes)
    asked = replace(asked, stack=replace(asked.stack, processes=changed))
    rendering = render(asked.stack, asked.options)
    for problem in rendering.problems:
        if problem.is_error:
            raise Refusal(problem.what, problem.fix, code=ExitCode.USAGE)
    for file in rendering.files:
        if file.path == CONF:
            yield Put(asked.directory, file, asked.owner)
            yield from give_to_owner(asked)
    yield from well(supervisorctl(asked, "update"), "supervisord does not take its configuration in")
    yield from until_up(asked, instances(replace(asked, names=tuple(asked.replicas))))
    for name, count in asked.replicas.items():
        yield News(f"{name}: {count} instance{'' if count == 1 else 's'}")


def down(asked: Asked) -> Steps[None]:
    """Raises Refusal where it does not end. It may have ended already, by a boot."""
    looked = yield supervisorctl(asked, "pid", looks=True)
    if looked.is_well:
        yield from _shut_down(asked, looked.stdout.strip())
    elif not any(word in looked.stdout for word in GONE):
        raise Refusal(f"supervisord does not answer: {complaint(looked)}")
    elif not (yield from end_leftovers(asked)):
        yield News(f"no supervisord is there, and nothing of it runs: {looked.last_words()}")
        return
    yield News("all of it is stopped, and supervisord has ended; its files stay")


def _shut_down(asked: Asked, pid: str) -> Steps[None]:
    """Raises Refusal."""
    yield supervisorctl(asked, "stop", "all")  # at once; a shutdown stops one program after the other
    yield from well(supervisorctl(asked, "shutdown"), "supervisord does not shut down")
    seconds = max((process.stop_seconds for process in asked.stack.processes), default=0.0) + START_SECONDS
    is_gone = Command(argv=("test", "!", "-e", f"/proc/{pid}/exe"), looks=True)  # its pid file goes before it does
    done = yield Await(look=is_gone, holds=_is_well, within_seconds=seconds, what="supervisord has ended")
    if not done.is_well:
        raise Refusal("supervisord has not ended", "procession status", code=ExitCode.TIMED_OUT)


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
    names = "|".join(re.escape(name) + ("" if "." in name else r"\.[a-z0-9]+") for name in asked.names)
    pattern = f"({EVENTS}).*" + (f"\\b({names})\\b" if names else "")
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
