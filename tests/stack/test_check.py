"""What is wrong between processes that are each right."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.stack.check import Checked, check, overlap
from procession.stack.model import Condition, Dependency, Kind, Listener, Origin, Probe, ProbeType, Process, RestartWhen
from procession.stack.order import find_cycles, start_order

NONE = Probe(type=ProbeType.NONE)


def process(name: str, *needs: str) -> Process:
    return Process(
        name=name,
        kind=Kind.PROCESS,
        backend="command",
        argv=("/bin/true",),
        directory="/srv",
        readiness=NONE,
        depends_on=tuple(Dependency(need, Condition.READY) for need in needs),
        origin=Origin("procfile", "Procfile", 3, name),
    )


def texts(*processes: Process, names: tuple[str, ...] = (), binds: dict[str, list[str]] | None = None) -> list[str]:
    known = (*(one.name for one in processes), *names)
    problems = check(Checked(processes=processes, names=known, binds=binds or {}))
    return [" | ".join(" ".join(line.split()) for line in problem.lines()) for problem in problems]


def test_a_cycle_is_shown() -> None:
    assert texts(process("a"), process("web", "db"), process("db", "cache"), process("cache", "web")) == [
        (
            "web.depends_on: goes round in a circle: web -> db -> cache -> web [procession.E017]"
            " | from web in Procfile:3 · take one of these dependencies out"
        )
    ]


def test_a_process_that_waits_for_itself() -> None:
    [text] = texts(process("web", "web"))
    assert text.startswith("web.depends_on: goes round in a circle: web -> web [procession.E017]")


def test_two_cycles_are_two_problems() -> None:
    found = texts(process("a", "b"), process("b", "a"), process("c", "d"), process("d", "c"))
    assert [text.partition(" [")[0] for text in found] == [
        "a.depends_on: goes round in a circle: a -> b -> a",
        "c.depends_on: goes round in a circle: c -> d -> c",
    ]


def test_an_unknown_dependency_has_a_suggestion() -> None:
    assert texts(process("web", "wrker"), process("worker")) == [
        (
            'web.depends_on: there is no process "wrker" [procession.E018]'
            ' | from web in Procfile:3 · did you mean "worker"?'
        )
    ]
    assert texts(process("web", "db"), process("worker")) == [
        'web.depends_on: there is no process "db" [procession.E018] | from web in Procfile:3 · declared are: worker'
    ]


def test_a_dependency_whose_own_declaration_is_broken_is_not_said_twice() -> None:
    assert texts(process("web", "worker"), names=("worker",)) == []


def test_a_process_never_completes() -> None:
    web = replace(process("web"), depends_on=(Dependency("worker", Condition.COMPLETED),))
    assert texts(web, process("worker")) == [
        (
            'web.depends_on: "worker" is no task, so it never is "completed" [procession.E019]'
            ' | from web in Procfile:3 · wait for "ready", or give "worker" TYPE "task"'
        )
    ]
    assert texts(web, replace(process("worker"), kind=Kind.TASK, restart=RestartWhen.NEVER)) == []


def test_two_processes_on_one_address() -> None:
    both = (process("web"), process("api"))
    assert texts(*both, binds={"web": ["0.0.0.0:8000"], "api": ["127.0.0.1:8001", "127.0.0.1:8000"]}) == [
        (
            'api: listens on 127.0.0.1:8000, and so does "web" (0.0.0.0:8000) [procession.E020]'
            " | from api in Procfile:3 · give one of them another address"
        )
    ]
    assert texts(process("web"), replace(process("api"), replicas=0), binds={"web": ["a:1"], "api": ["a:1"]}) == []


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", True),
        ("127.0.0.1:80", "127.0.0.1:81", False),
        ("127.0.0.1:80", "10.0.0.1:80", False),
        ("0.0.0.0:80", "10.0.0.1:80", True),
        ("[::]:80", "127.0.0.1:80", True),
        ("localhost:80", "127.0.0.1:80", True),
        ("0.0.0.0:0", "0.0.0.0:0", False),
        ("unix:/run/a", "unix:/run/a", True),
        ("unix:/run/a", "unix:/run/b", False),
        ("unix:/run/a:80", "0.0.0.0:80", False),
    ],
)
def test_which_addresses_cannot_both_be_had(one: str, other: str, *, both: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is both


def test_instances_of_a_program_that_binds_by_itself_would_fight() -> None:
    web = replace(process("web"), replicas=2)
    binds = {"web": ["127.0.0.1:80"]}
    assert texts(web, binds=binds) == [
        (
            "web.replicas: 2 instances would each listen on 127.0.0.1:80 [procession.E020]"
            " | from web in Procfile:3 · write: 1, or a BACKEND in place of COMMAND: then they share the socket"
        )
    ]
    assert texts(replace(web, argv=("x", "--reuse-port")), binds=binds) == []
    assert texts(replace(web, listeners=(Listener("127.0.0.1:80"),)), binds=binds) == []


def test_a_singleton_and_a_task_run_once() -> None:
    beat = replace(process("beat"), singleton=True, replicas=2)
    task = replace(process("migrate"), kind=Kind.TASK, replicas=3, restart=RestartWhen.ALWAYS)
    assert texts(beat, task) == [
        (
            "beat.replicas: is a singleton, got 2: two would do everything twice [procession.E021]"
            " | from beat in Procfile:3 · write: 1"
        ),
        "migrate.replicas: a task runs once, got 3 [procession.E023] | from migrate in Procfile:3 · write: 1",
        (
            'migrate.restart: a task that has ended well is done, and is not restarted "always" [procession.E026]'
            ' | from migrate in Procfile:3 · write: "on-failure" or "never"'
        ),
    ]


def test_a_socket_path_may_have_107_bytes() -> None:
    fits, long = f"unix:/{'x' * 106}", f"unix:/{'é' * 54}"
    assert texts(process("web"), binds={"web": [fits]}) == []
    assert texts(process("web"), binds={"web": [long]}) == [
        (
            f"web: a unix socket's path has at most 107 bytes, this one 109: {long} [procession.E022]"
            " | from web in Procfile:3 · choose a shorter path, such as /run/site.sock"
        )
    ]


def test_a_probe_longer_than_the_start_it_belongs_to() -> None:
    probe = Probe(type=ProbeType.TCP, address="127.0.0.1:1", timeout_seconds=20.0, within_seconds=10.0)
    assert texts(replace(process("web"), readiness=probe)) == [
        (
            "web.readiness.timeout: one probe may take 20 s, longer than the whole start (10 s) [procession.E024]"
            " | from web in Procfile:3 · make TIMEOUT shorter, or WITHIN longer"
        )
    ]


def test_a_probe_with_nothing_to_ask() -> None:
    web = replace(process("web"), liveness=Probe())
    assert texts(web) == [
        (
            "web.liveness: no address to ask: web has no listener that we know [procession.E025]"
            ' | from web in Procfile:3 · add: "address": "127.0.0.1:8000"'
        )
    ]
    assert texts(web, binds={"web": ["127.0.0.1:80"]}) == []


@pytest.mark.parametrize(
    ("field", "kind", "said"),
    [
        ("liveness", ProbeType.APP, "the Django app says once that it is loaded, not for ever that it is alive"),
        ("startup", ProbeType.HEARTBEAT, "a heartbeat tells that it is alive, not that it has come up"),
        ("readiness", ProbeType.HEARTBEAT, "a heartbeat tells that it is alive, not that it has come up"),
    ],
)
def test_a_kind_of_probe_that_cannot_tell_it(field: str, kind: ProbeType, said: str) -> None:
    [text] = texts(replace(process("web"), **{field: Probe(type=kind)}))  # type: ignore[arg-type]
    assert text.startswith(f"web.{field}: {said} [procession.E039]")


def test_who_hangs_on_a_shared_address_is_not_found_by_asking_there() -> None:
    web = replace(
        process("web"), replicas=2, handoff=("x",), listeners=(Listener("unix:/run/x"),), liveness=Probe(path="/live/")
    )
    assert texts(web, binds={"web": ["unix:/run/x"]}) == [
        (
            "web.liveness: any of its 2 instances may answer for one that hangs [procession.W008]"
            " | from web in Procfile:3 · ask with a command, or let the program say WATCHDOG=1"
        )
    ]
    for right in (replace(web, replicas=1), replace(web, liveness=Probe(address="127.0.0.1:9"))):
        assert texts(right, binds={"web": ["unix:/run/x"]}) == []


def test_the_start_order_is_as_declared_but_for_dependencies() -> None:
    declared = [process("web", "migrate", "cache"), process("worker"), process("cache"), process("migrate", "db")]
    declared.append(process("db"))
    assert [one.name for one in start_order(declared)] == ["worker", "cache", "db", "migrate", "web"]


GRAPHS = st.dictionaries(st.sampled_from("abcdefg"), st.lists(st.sampled_from("abcdefg"), max_size=3), max_size=7)


@given(GRAPHS)
def test_there_is_an_order_or_a_cycle(graph: dict[str, list[str]]) -> None:
    full = {name: [need for need in needs if need in graph] for name, needs in graph.items()}
    order = [one.name for one in start_order([process(name, *needs) for name, needs in full.items()])]
    assert sorted(order) == sorted(full)
    cycles = find_cycles(full)
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert all(after in full[before] for before, after in itertools.pairwise(cycle))
    early = all(order.index(need) < order.index(name) for name, needs in full.items() for need in needs)
    assert early is not bool(cycles)


def test_a_long_chain_is_no_trouble() -> None:
    chain = {str(number): [str(number + 1)] for number in range(5000)} | {"5000": []}
    assert find_cycles(chain) == []
