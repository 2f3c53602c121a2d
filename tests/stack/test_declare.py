"""What a person may write, and what it means."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.stack.declare import declare
from procession.stack.declared import Declared
from procession.stack.model import (
    Backoff,
    Common,
    Condition,
    Declaration,
    Dependency,
    Kind,
    Limits,
    Log,
    Probe,
    ProbeType,
    RestartWhen,
    StopStep,
    settings_key,
)
from tests.stack.declared_in import GOOD, read, said

# (what is written, the field, its value)
MEANINGS = [
    ({"REPLICAS": "3"}, "replicas", 3),
    ({"replicas": 3}, "replicas", 3),
    ({"REPLICAS": None}, "replicas", None),
    ({"TYPE": "task"}, "type", Kind.TASK),
    ({"RESTART": "ON_FAILURE"}, "restart", RestartWhen.ON_FAILURE),
    ({"UMASK": "027"}, "umask", 0o27),
    ({"UMASK": "0o022"}, "umask", 0o22),
    ({"UMASK": 0o77}, "umask", 0o77),
    ({"SOCKET_MODE": "660"}, "socket_mode", 0o660),
    ({"SOCKET_OWNER": "deploy:www-data"}, "socket_owner", "deploy:www-data"),
    ({"SINGLETON": "yes"}, "singleton", True),
    ({"STOP_TIMEOUT": "1.5m"}, "stop_timeout_seconds", 90.0),
    ({"STOP_TIMEOUT": 12}, "stop_timeout_seconds", 12.0),
    ({"DIRECTORY": Path("/srv/site")}, "directory", "/srv/site"),
    ({"ENV_FILE": Path("/srv/.env")}, "env_file", ("/srv/.env",)),
    ({"ENV_FILE": [".env", ".env.local"]}, "env_file", (".env", ".env.local")),
    ({"ENV": {"A": 1, "B": True, "C": False, "D": None, "E": 1.5, "F": Path("/x")}}, "env",
     {"A": "1", "B": "1", "C": "0", "E": "1.5", "F": "/x"}),
    ({"ARGS": "--bind 'a b' -w 4"}, "args", ("--bind", "a b", "-w", "4")),
    ({"ARGS": ["--workers", 4]}, "args", ("--workers", "4")),
    ({"ARGS": {"bind": ["a", "b"], "preload": None, "w": 4}}, "args", {"bind": ["a", "b"], "preload": None, "w": 4}),
    ({"COMMAND": "run 'a b'"}, "command", ("run", "a b")),
    ({"COMMAND": [Path("/bin/run"), 5]}, "command", ("/bin/run", "5")),
    ({"DEPENDS_ON": "db"}, "depends_on", (Dependency("db", Condition.READY),)),
    ({"DEPENDS_ON": ["db", "redis", "db"]}, "depends_on",
     (Dependency("db", Condition.READY), Dependency("redis", Condition.READY))),
    ({"DEPENDS_ON": {"migrate": "completed", "db": None}}, "depends_on",
     (Dependency("migrate", Condition.COMPLETED), Dependency("db", Condition.READY))),
    ({"STOP": "SIGINT"}, "stop", (StopStep("INT", 30.0),)),
    ({"STOP": "TERM", "STOP_TIMEOUT": 7}, "stop", (StopStep("TERM", 7.0),)),
    ({"STOP": ["TERM", "1m"]}, "stop", (StopStep("TERM", 60.0),)),
    ({"STOP": ["TERM", "QUIT"]}, "stop", (StopStep("TERM", 30.0), StopStep("QUIT", 30.0))),
    ({"STOP": [["TERM", 30], [3, "5s"]]}, "stop", (StopStep("TERM", 30.0), StopStep("QUIT", 5.0))),
    ({"LIMITS": {"MEMORY": "512M", "CPU": "150%", "CORE": -1, "NICE": -5}}, "limits",
     Limits(memory_bytes=512 * 2**20, cpu=1.5, nice=-5)),
    ({"LOG": {"MAX_SIZE": 1024, "compress": "no"}}, "log", Log(max_size_bytes=1024, compress=False)),
    ({"BACKOFF": {"first": "200ms", "give-up": 5}}, "backoff", Backoff(first_seconds=0.2, give_up=5)),
    ({"READINESS": "/health/"}, "readiness", Probe(type=ProbeType.HTTP, path="/health/")),
    ({"READINESS": "tcp"}, "readiness", Probe(type=ProbeType.TCP)),
    ({"READINESS": "none"}, "readiness", Probe(type=ProbeType.NONE)),
    ({"READINESS": False}, "readiness", Probe(type=ProbeType.NONE)),
    ({"READINESS": {"address": "[::1]:80"}}, "readiness", Probe(type=ProbeType.TCP, address="[::1]:80")),
    ({"READINESS": {"command": "test -e x"}}, "readiness", Probe(type=ProbeType.EXEC, command=("test", "-e", "x"))),
    ({"READINESS": {"file": "run/ready", "max_age": "1m"}}, "readiness",
     Probe(type=ProbeType.FILE, file="run/ready", max_age_seconds=60.0)),
    ({"LIVENESS": {"path": "/live/", "status": [200, "204"]}}, "liveness", Probe(path="/live/", status=(200, 204))),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "field", "value"), MEANINGS, ids=[str(raw) for raw, _, _ in MEANINGS])
def test_what_is_written_means(raw: dict[str, object], field: str, value: object) -> None:
    assert getattr(said(raw).declaration, field) == value


def test_of_a_probe_only_what_was_said_is_said() -> None:
    """The rest is the backend's: READINESS {"within": "2m"} keeps the backend's way to ask."""
    one = said({"READINESS": {"within": "2m"}, "LIVENESS": "/live/"})
    assert one.readiness == {"within_seconds": 120.0}
    assert one.liveness == {"type": ProbeType.HTTP, "path": "/live/"}


def test_what_is_common_to_all_is_under_each_and_mappings_merge_key_by_key() -> None:
    common = {"ENV": {"A": 1, "B": 2}, "LOG": {"KEEP": 3, "COMPRESS": False}, "STOP_TIMEOUT": "1m", "USER": "www"}
    one = said({"ENV": {"B": 5, "A": None}, "LOG": {"KEEP": 7}, "STOP": "INT"}, common).declaration
    assert one.env == {"B": "5"}
    assert one.log == Log(keep=7, compress=False)
    assert one.stop == (StopStep("INT", 60.0),)
    assert one.user == "www"


def test_the_stacks_name() -> None:
    assert read({"web": GOOD}, {"NAME": "my-site"}).stack_name == "my-site"
    assert read({"web": GOOD}).stack_name == ""


def test_a_place_spells_keys_as_the_person_did() -> None:
    one = said({"readiness": {"Path": "/x/"}}, {"env_file": ".env"})
    assert one.written("readiness.path").origin().key == 'PRODUCTION_PROCESSES["web"]["readiness"]["Path"]'
    assert one.written("env_file").origin().key == 'PRODUCTION_STACK["env_file"]'
    assert one.written("umask").origin().key == 'PRODUCTION_PROCESSES["web"]["umask"]'


def test_a_class_of_somebody_elses_may_have_keys_of_its_own() -> None:
    assert read({"web": {"BACKEND": "mysite.servers.Own", "FLAVOUR": "x"}}).problems == ()


@pytest.mark.parametrize("kind", [Declaration, Common, Probe, Backoff, Limits, Log])
def test_every_field_has_its_line_in_the_reference_and_a_reader(kind: type) -> None:
    for field in fields(kind):
        assert field.metadata["doc"], field.name
        assert field.default is not MISSING or field.default_factory is not MISSING
    holder = {Probe: "READINESS", Backoff: "BACKOFF", Limits: "LIMITS", Log: "LOG"}.get(kind)
    raw: dict[str, object] = {settings_key(field.name): object() for field in fields(kind)}
    result = read({"web": {**GOOD, holder: raw} if holder else raw}) if kind is not Common else read({}, raw)
    wrong = {problem.where.rpartition(".")[2] for problem in result.problems if problem.id != "E001"}
    assert wrong == {key.lower() for key in raw}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=10,
)
KEYS = st.sampled_from([settings_key(field.name) for field in fields(Declaration)]) | st.text()


@given(st.dictionaries(st.text(), st.dictionaries(KEYS, ANYTHING, max_size=6) | ANYTHING, max_size=3), ANYTHING)
def test_nothing_that_a_person_writes_raises(processes: dict[str, object], stack: object) -> None:
    result = read(processes, stack)
    bad = {problem.where.partition(".")[0] for problem in result.problems if problem.is_error}
    for one in result.said:
        assert one.name in processes
        assert isinstance(one.declaration, Declaration)
    assert bad or len(result.said) == len(processes)
    assert all(problem.lines() for problem in result.problems)


def test_a_source_whose_file_is_broken_keeps_its_problem() -> None:
    broken = read(5).problems
    assert declare(Declared(source="toml", file="x", problems=broken)).problems == broken
