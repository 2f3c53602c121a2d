"""Small stacks for the core's tests."""

from __future__ import annotations

from procession.stack.model import (
    Backoff,
    Condition,
    Dependency,
    Kind,
    Listener,
    Probe,
    ProbeType,
    Process,
    RestartWhen,
    Stack,
    StopStep,
)

LADDER = (StopStep("TERM", 10.0), StopStep("QUIT", 5.0))


def process(
    name: str,
    *,
    after: dict[str, Condition] | None = None,
    replicas: int = 1,
    max_surge: int = 0,
    probe: ProbeType = ProbeType.HTTP,
    argv: tuple[str, ...] = ("/bin/serve",),
    restart: RestartWhen = RestartWhen.ALWAYS,
    give_up: int = 0,
    startup: ProbeType | None = None,
    reload_signal: str = "",
) -> Process:
    return Process(
        name=name,
        kind=Kind.PROCESS,
        backend="command",
        argv=argv,
        handoff=argv,
        listeners=(Listener(f"unix:/run/{name}.sock"),),
        directory="/",
        replicas=replicas,
        max_surge=max_surge,
        depends_on=tuple(Dependency(other, condition) for other, condition in (after or {}).items()),
        startup=Probe(type=startup, within_seconds=300.0) if startup else None,
        readiness=Probe(type=probe, within_seconds=30.0, address="127.0.0.1:9"),
        liveness=Probe(type=ProbeType.TCP),
        stop=LADDER,
        restart=restart,
        backoff=Backoff(give_up=give_up),
        reload_signal=reload_signal,
    )


def task(name: str) -> Process:
    return Process(
        name=name,
        kind=Kind.TASK,
        backend="command",
        argv=("/bin/once",),
        directory="/",
        readiness=Probe(type=ProbeType.NONE),
    )


def stack(*processes: Process) -> Stack:
    return Stack(name="site", directory="/", processes=processes)
