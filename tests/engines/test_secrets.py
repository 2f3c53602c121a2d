"""No secret of the declaration gets anywhere but into a file that is its owner's alone, and there only if asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.engines.base import Asked, Engine
from procession.engines.files import owner_of
from procession.engines.options import read_options
from procession.engines.registry import MODULES, engine
from procession.engines.secrets import may_be_shown
from procession.engines.steps import Await, Command, Put, Steps
from procession.refusal import Refusal
from procession.run import Done
from procession.stack.model import Stack
from tests.console.project import Project
from tests.engines.stacks import stack_of

PASSWORD, KEY, IN_URL = "hunter2hunter2", "correct-horse-battery", "staple-password"
DATABASE = f"postgres://site:{IN_URL}@db/site"
SECRETS = (KEY, IN_URL, PASSWORD)
NEEDED: dict[str, dict[str, Any]] = {"kubernetes": {"IMAGE": "registry.example/mysite:1.4"}}
SITE: dict[str, dict[str, Any]] = {
    "web": {"BACKEND": "gunicorn", "ARGS": {"bind": "127.0.0.1:8000"}, "ENV": {"SECRET_KEY": KEY, "API_TOKEN": ""}},
    "worker": {"BACKEND": "celery-worker", "APP": "mysite.celery", "REPLICAS": 2},
}
COMMON = {"NAME": "mysite", "ENV": {"DATABASE_URL": DATABASE, "LANG": "C.UTF-8"}}
NAMED = {"web.env.SECRET_KEY", "stack.env.DATABASE_URL"}
WRITERS = tuple(name for name in MODULES if hasattr(engine(name).options, "write_secrets"))


def site(name: str, **options: Any) -> Stack:
    return stack_of(SITE, {**COMMON, "ENGINES": {name: {**NEEDED.get(name, {}), **options}}})


def options_of(tool: Engine, stack: Stack) -> Any:
    found, problems = read_options(tool, stack)
    assert problems == []
    return found


@pytest.mark.parametrize("name", MODULES)
def test_each_secret_is_named_and_in_no_file(name: str) -> None:
    tool, stack = engine(name), site(name)
    rendering = tool.render(stack, options_of(tool, stack))
    said = {problem.where: problem for problem in rendering.problems if problem.id in ("E100", "W101")}
    assert said.keys() == NAMED
    assert all(problem.fix for problem in said.values())
    texts = [file.text for file in rendering.files] + [f"{problem}" for problem in rendering.problems]
    assert not [text for text in texts if any(secret in text for secret in SECRETS)]


@pytest.mark.parametrize("name", MODULES)
def test_an_error_where_it_could_only_be_written_else_a_warning(name: str) -> None:
    """The rule of docs/how-to/secrets.md, for each engine."""
    tool, stack = engine(name), site(name)
    found = {one.id for one in tool.render(stack, options_of(tool, stack)).problems if one.where in NAMED}
    assert found == ({"E100"} if name in ("systemd", "supervisord") else {"W101"})


@pytest.mark.parametrize("name", WRITERS)
def test_asked_for_it_is_written_for_its_owner_alone_and_said(name: str) -> None:
    tool, stack = engine(name), site(name, WRITE_SECRETS=True)
    rendering = tool.render(stack, options_of(tool, stack))
    assert {problem.where for problem in rendering.problems if problem.id == "W102"} == NAMED
    holding = [file for file in rendering.files if any(secret in file.text for secret in SECRETS)]
    assert holding
    for file in holding:
        assert file.mode == 0o600
        assert not may_be_shown(file.text, file.mode)


@pytest.mark.parametrize("name", MODULES)
def test_an_env_file_is_named_and_never_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "site.env"
    path.write_text(f"SECRET_KEY={KEY}\nDATABASE_URL={DATABASE}\n")
    stack = stack_of(SITE | {"web": {"COMMAND": "true"}}, {"ENV_FILE": str(path), "ENGINES": NEEDED})
    tool = engine(name)
    rendering = tool.render(stack, options_of(tool, stack))
    assert not [one for one in rendering.problems if one.id in ("E100", "W101", "W102")]
    assert not [file.path for file in rendering.files if any(secret in file.text for secret in SECRETS)]


@pytest.mark.parametrize("name", MODULES)
def test_a_secret_in_a_command_is_said(name: str) -> None:
    command = {"COMMAND": ["true", f"--password={PASSWORD}"]}
    stack = stack_of({"one": command}, {"ENGINES": NEEDED})
    tool = engine(name)
    problems = tool.render(stack, options_of(tool, stack)).problems
    assert [problem.where for problem in problems if problem.id == "W103"] == ["one.args"]
    assert not [problem for problem in problems if PASSWORD in f"{problem}"]


def played(steps: Steps[Any]) -> Iterator[str]:
    """What every step would run, as one types it; each goes well, and says nothing. Its input nobody else sees."""
    try:
        step = next(steps)
        while True:
            command = step.look if isinstance(step, Await) else step
            if isinstance(command, Command):
                yield command.text()
            elif not isinstance(step, Put):
                yield f"{step}"
            step = steps.send(Done(0))
    except (StopIteration, Refusal, ValueError, LookupError):
        return  # an answer of nothing is not enough for some; what was asked until then is what we look at


@pytest.mark.parametrize("name", [name for name in MODULES if "apply" not in engine(name).cannot])
@pytest.mark.parametrize("writes", [False, True])
def test_no_verb_says_one_in_a_command(name: str, writes: bool, tmp_path: Path) -> None:
    """Also where they may be written: a file is read by its owner, a command line by everybody on the host."""
    tool, stack = engine(name), site(name, WRITE_SECRETS=writes)
    asked = Asked(
        stack=stack, options=options_of(tool, stack), directory=str(tmp_path), owner=owner_of("mysite", "/srv", name),
        replicas={"worker": 3}, changed=("compose.yaml",),
    )  # fmt: skip
    verbs = {"apply": tool.apply, "status": tool.status, "check": tool.check, **tool.verbs}
    for verb, steps in verbs.items():
        for said in played(steps(asked)):
            assert not any(secret in said for secret in SECRETS), verb


TOML = f"""
[stack.env]
DATABASE_URL = "{DATABASE}"
[stack.engines.systemd]
write_secrets = true
[stack.engines.supervisord]
write_secrets = true
directory = "../s"
[stack.engines.compose]
write_secrets = true
[stack.engines.kubernetes]
write_secrets = true
image = "registry.example/mysite:1.4"
[processes.web]
command = "sleep 1000"
env = {{ SECRET_KEY = "{KEY}" }}
"""


@pytest.mark.parametrize("name", MODULES)
def test_the_command_line_shows_none(name: str, project: Project) -> None:
    """Neither what `render` prints nor the diff and the commands of `apply --dry-run`."""
    project.declare(TOML)
    for arguments in (("render", "--engine", name), ("apply", "--engine", name, "--dry-run")):
        ended = project.run(*arguments)
        assert not any(secret in ended.out + ended.err for secret in SECRETS), arguments
    if name in WRITERS and name != "swarm":
        assert "(not shown: there are secrets in it" in project.run("render", "--engine", name).out
        project.ok("render", "--engine", name, "--output", "out")
        holding = [
            path
            for path in (project.directory / "out").rglob("*")
            if path.is_file() and any(secret in path.read_text() for secret in SECRETS)
        ]
        assert holding
        assert {path.stat().st_mode & 0o777 for path in holding} == {0o600}


@pytest.mark.parametrize(
    ("text", "mode", "is_shown"),
    [
        ('SECRET_KEY="x"\n', 0o600, False),
        (json.dumps({"SECRET_KEY": "x"}), 0o600, False),
        ("url: redis://:pw@cache/0\n", 0o600, False),
        ("SECRET_KEY: ${SECRET_KEY:?}\n", 0o644, True),
        ("PWD=/srv\nuser=me\n", 0o600, True),
    ],
)
def test_what_may_be_shown(text: str, mode: int, is_shown: bool) -> None:
    assert may_be_shown(text, mode) is is_shown
