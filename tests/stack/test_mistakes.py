"""Each mistake in a declaration is one Problem that says what, where it was written, and what to do."""

from __future__ import annotations

import pytest

from procession.stack.declare import NAME_RULE
from tests.stack.declared_in import GOOD, read, texts

WEB = 'PRODUCTION_PROCESSES["web"]'
IN = "in mysite.settings"

# (what is written for "web" beside its BACKEND, the whole text)
MISTAKES = [
    (
        {"REPLICS": 2},
        (
            f'web.replics: is no key that Procession knows [procession.E001] | from {WEB}["REPLICS"] {IN}'
            ' · did you mean "REPLICAS"?'
        ),
    ),
    (
        {"replics": 2},
        (
            f'web.replics: is no key that Procession knows [procession.E001] | from {WEB}["replics"] {IN}'
            ' · did you mean "replicas"?'
        ),
    ),
    (
        {"NUMPROCS": 2},
        (
            f'web.numprocs: is no key that Procession knows [procession.E001] | from {WEB}["NUMPROCS"] {IN}'
            ' · did you mean "REPLICAS"?'
        ),
    ),
    (
        {"READINESS": {"pth": "/x/"}},
        (
            f"web.readiness.pth: is no key that Procession knows [procession.E001]"
            f' | from {WEB}["READINESS"]["pth"] {IN}'
            ' · did you mean "path"?'
        ),
    ),
    (
        {"READINESS": {"path": "healthz"}},
        (
            f'web.readiness.path: must start with "/", got "healthz" [procession.E014]'
            f' | from {WEB}["READINESS"]["path"] {IN} · write: "/healthz"'
        ),
    ),
    (
        {"REPLICAS": "two"},
        f'web.replicas: must be a whole number, got "two" [procession.E002] | from {WEB}["REPLICAS"] {IN}',
    ),
    (
        {"REPLICAS": True},
        f'web.replicas: must be a whole number, got True [procession.E002] | from {WEB}["REPLICAS"] {IN}',
    ),
    (
        {"REPLICAS": -1},
        f'web.replicas: must be from 0 to 1000, got -1 [procession.E009] | from {WEB}["REPLICAS"] {IN}',
    ),
    (
        {"STOP_TIMEOUT": "soon"},
        (
            f'web.stop_timeout: must be a duration, got "soon" [procession.E003] | from {WEB}["STOP_TIMEOUT"] {IN}'
            ' · write seconds, or "30s", "5m", "1.5h"'
        ),
    ),
    (
        {"STOP_TIMEOUT": float("inf")},
        (
            f'web.stop_timeout: must be a duration, got inf [procession.E003] | from {WEB}["STOP_TIMEOUT"] {IN}'
            ' · write seconds, or "30s", "5m", "1.5h"'
        ),
    ),
    (
        {"LIMITS": {"MEMORY": "1 elephant"}},
        (
            f'web.limits.memory: must be a size, got "1 elephant" [procession.E004]'
            f' | from {WEB}["LIMITS"]["MEMORY"] {IN}'
            ' · write bytes, or "512K", "200M", "2G"'
        ),
    ),
    (
        {"STOP": [["TREM", 30]]},
        f'web.stop: must be a signal, got "TREM" [procession.E005] | from {WEB}["STOP"] {IN} · did you mean "TERM"?',
    ),
    (
        {"STOP": [["TERM", 30], ["KILL", 1]]},
        (
            f'web.stop: KILL is no graceful stop [procession.E005] | from {WEB}["STOP"] {IN}'
            " · leave it out: KILL follows by itself after the last step"
        ),
    ),
    (
        {"UMASK": "099"},
        (
            f'web.umask: must be an octal file mode mask, got "099" [procession.E006] | from {WEB}["UMASK"] {IN}'
            ' · write: "027"'
        ),
    ),
    (
        {"SOCKET_MODE": "rw"},
        (
            f'web.socket_mode: must be an octal file mode, got "rw" [procession.E006] | from {WEB}["SOCKET_MODE"] {IN}'
            ' · write: "660"'
        ),
    ),
    (
        {"RESTART": "alway"},
        (
            f'web.restart: must be always, on-failure or never, got "alway" [procession.E007]'
            f' | from {WEB}["RESTART"] {IN} · did you mean "always"?'
        ),
    ),
    (
        {"READINESS": "htp"},
        (
            f'web.readiness: must be a mapping, a path or a type, got "htp" [procession.E007]'
            f' | from {WEB}["READINESS"] {IN} · did you mean "http"?'
        ),
    ),
    (
        {"DEPENDS_ON": {"db": "redy"}},
        (
            f'web.depends_on.db: must be started, ready or completed, got "redy" [procession.E007]'
            f' | from {WEB}["DEPENDS_ON"]["db"] {IN} · did you mean "ready"?'
        ),
    ),
    (
        {"DEPENDS_ON": [5]},
        (
            f"web.depends_on: must be a name, a list of names or a mapping, got [5] [procession.E002]"
            f' | from {WEB}["DEPENDS_ON"] {IN} · write: ["db"] or {{"db": "ready"}}'
        ),
    ),
    (
        {"ENV": {"A-B": "x"}},
        (
            f'web.env.A-B: is no name of an environment variable [procession.E016] | from {WEB}["ENV"]["A-B"] {IN}'
            " · use letters, digits and _, a digit not first"
        ),
    ),
    (
        {"ENV": {"SECRET_KEY": ["hunter2"]}},
        (
            f"web.env.SECRET_KEY: must be a string, got [hidden] [procession.E016]"
            f' | from {WEB}["ENV"]["SECRET_KEY"] {IN}'
            " · write a string, a number, a boolean, or None to remove it"
        ),
    ),
    (
        {"ARGS": {"bind": {1, 2}}},
        (
            "web.args.bind: must be a string, number, boolean, None or list of them, got a set [procession.E002]"
            f' | from {WEB}["ARGS"]["bind"] {IN}'
        ),
    ),
    (
        {"ARGS": "--bind 'x"},
        (
            f"""web.args: cannot be split into words: no closing quotation: "--bind 'x" [procession.E015]"""
            f' | from {WEB}["ARGS"] {IN} · close the quotation, or write a list of words'
        ),
    ),
    (
        {"READINESS": {"type": "exec"}},
        (
            f'web.readiness: an exec probe needs a command [procession.E035] | from {WEB}["READINESS"] {IN}'
            ' · add: "command": ["program", "argument"]'
        ),
    ),
    (
        {"READINESS": {"address": "8000"}},
        (
            f'web.readiness.address: must be an address, got "8000" [procession.E036]'
            f' | from {WEB}["READINESS"]["address"] {IN} · write: "127.0.0.1:8000" or "unix:/run/site.sock"'
        ),
    ),
    (
        {"SINGLETON": True, "singleton": False},
        f'web.singleton: is said twice [procession.E034] | from {WEB}["singleton"] {IN} · leave one of them out',
    ),
    (
        {"COMMAND": "sleep 5"},
        (
            f'web: has both BACKEND ("gunicorn") and COMMAND [procession.E033] | from {WEB} {IN}'
            " · leave one of them out: options of the backend's program go in ARGS"
        ),
    ),
    (
        {"LOG": 5},
        (
            f"web.log: must be a mapping, got 5 [procession.E002]"
            f' | from {WEB}["LOG"] {IN} · write: {{"KEY": value, ...}}'
        ),
    ),
]


@pytest.mark.parametrize(("raw", "text"), MISTAKES, ids=[str(raw) for raw, _ in MISTAKES])
def test_a_mistake_is_one_problem_with_place_and_remedy(raw: dict[str, object], text: str) -> None:
    result = read({"web": {**GOOD, **raw}})
    assert texts(result) == [text]
    assert not any(one.is_good for one in result.said)
    assert result.names == ("web",)


@pytest.mark.parametrize("name", ["1web", "web.1", "we b", "wéb", "web-", "_web", "", "a/b", "w" * 41])
def test_a_name_must_do_as_a_file_a_unit_and_a_pod(name: str) -> None:
    shown = f'"{name}"'
    where = f"{name}: is no name for a process: {shown} [procession.E008]"
    assert texts(read({name: GOOD})) == [
        f"{' '.join(where.split())} | from PRODUCTION_PROCESSES[{shown}] {IN} · {NAME_RULE}"
    ]


def test_names_that_differ_in_case_alone_would_be_one_name_elsewhere() -> None:
    assert texts(read({"web_a": GOOD, "Web-A": GOOD})) == [
        (
            'Web-A: differs from "web_a" only in case or - and _ [procession.E008]'
            f' | from PRODUCTION_PROCESSES["Web-A"] {IN} · rename one'
        )
    ]


def test_without_backend_and_command_there_is_nothing_to_run() -> None:
    assert texts(read({"web": {"ARGS": {"bind": ":8000"}}})) == [
        (
            f"web: has neither BACKEND nor COMMAND [procession.E010] | from {WEB} {IN}"
            ' · add: "BACKEND": "gunicorn", or a COMMAND'
        )
    ]


def test_a_process_that_is_no_mapping() -> None:
    assert texts(read({"web": "gunicorn"})) == [
        f'web: must be a mapping, got "gunicorn" [procession.E002] | from {WEB} {IN} · write: {{"KEY": value, ...}}'
    ]


@pytest.mark.parametrize("value", [5, "web", [{"web": {}}]])
def test_a_setting_that_is_no_mapping(value: object) -> None:
    [problem] = read(value).problems
    assert (problem.id, problem.where) == ("E002", "PRODUCTION_PROCESSES")
    [problem] = read({}, value).problems
    assert (problem.id, problem.where) == ("E002", "PRODUCTION_STACK")


def test_what_is_common_to_all_is_checked_once() -> None:
    result = read({"web": GOOD, "worker": GOOD}, {"STOP_TIMEOUT": "x", "BACKEND": "y", "NAME": "my site"})
    assert [(problem.id, problem.where) for problem in result.problems] == [
        ("E003", "stack.stop_timeout"),
        ("E001", "stack.backend"),
        ("E008", "stack.name"),
    ]
    assert texts(result)[0].endswith(
        f'from PRODUCTION_STACK["STOP_TIMEOUT"] {IN} · write seconds, or "30s", "5m", "1.5h"'
    )


def test_all_mistakes_are_listed_at_once_and_the_right_processes_are_kept() -> None:
    result = read(
        {
            "web": {"BAKEND": "gunicorn", "UMASK": 8**4, "READINESS": {"path": "x", "timeout": []}},
            "worker": {"BACKEND": "celery-worker"},
            "beat": {"BACKEND": 5, "REPLICAS": "one", "STOP": "NOW"},
        }
    )
    assert sorted(f"{problem.where} {problem.id}" for problem in result.problems) == [
        "beat.backend E002",
        "beat.replicas E002",
        "beat.stop E005",
        "web.bakend E001",
        "web.readiness.path E014",
        "web.readiness.timeout E003",
        "web.umask E006",
    ]
    assert [one.name for one in result.said if one.is_good] == ["worker"]
    assert result.names == ("web", "worker", "beat")


@pytest.mark.parametrize(
    ("command", "word"), [("a && b", "&&"), ("a > file", ">"), ("run $PORT", "$PORT"), ("a|b", "|")]
)
def test_a_command_that_means_a_shell_is_warned_about(command: str, word: str) -> None:
    result = read({"web": {"COMMAND": command}})
    assert texts(result) == [
        (
            f"web.command: no shell reads it, so {word} is passed on as it is [procession.W001]"
            f' | from {WEB}["COMMAND"] {IN} · write: ["sh", "-c", "{command}"], or leave the {word} out'
        )
    ]
    assert len(result.said) == 1


def test_a_quoted_operator_is_none() -> None:
    assert read({"web": {"COMMAND": "echo 'a && b'"}}).problems == ()
