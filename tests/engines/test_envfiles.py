"""What our reading of an env file and another tool's have in common, asked of that tool."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procession.engines import compose, swarm
from procession.engines.base import Asked
from procession.engines.containers.options import ContainerOptions
from procession.engines.envfiles import is_alike_in_compose, is_alike_in_docker, misread
from procession.engines.steps import drive
from procession.refusal import Refusal
from procession.stack.dotenv import parse
from tests.engines.contained import Played, stack_of
from tests.engines.stacks import stack_of as declared

FRAGMENTS = st.sampled_from(
    ["a", "b c", " ", "#", " # x", "'", '"', "\\", "\\n", "$", "$HOME", "${X}", "\u00fc", "=", "\t", ":", '\\"', "{",
     "`", "%", "!", ";", "\n", "export", "\U0001f980"]
)  # fmt: skip
VALUES = st.lists(FRAGMENTS, max_size=4).map("".join)
LINES = st.tuples(
    st.sampled_from(["", "", "export ", " "]),
    st.sampled_from(["", "'", '"']),
    VALUES,
    st.sampled_from(["", " # c", " "]),
)
FILES = st.lists(LINES, min_size=1, max_size=40)
COMPOSE = "services:\n  one:\n    image: x\n    env_file: [env]\n"
SEARCH = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def alike(lines: list[tuple[str, str, str, str]], is_alike: Callable[..., bool]) -> dict[str, tuple[str, str]]:
    """The assignments, each as it is written and as we read it, that the tool is said to read as we do."""
    found = {}
    for number, (head, quote, value, tail) in enumerate(lines):
        text = f"{head}V{number}={quote}{value}{quote}{tail}\n"
        file = parse(text, "env")
        if not file.problems and len(file.assignments) == 1 and not misread(text, "env", is_alike):
            found[f"V{number}"] = (text, file.assignments[0].value)
    return found


def said_by(argv: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@SEARCH
@given(FILES)
def test_compose_reads_them_as_we_do(
    tmp_path: Path, docker_config: dict[str, str], lines: list[tuple[str, str, str, str]]
) -> None:
    wanted = alike(lines, is_alike_in_compose)
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "env").write_text("".join(text for text, _ in wanted.values()))
    out = said_by(("docker", "compose", "config", "--format", "json"), tmp_path, docker_config)
    found = json.loads(out)["services"]["one"].get("environment") or {}
    assert {name: value.replace("$$", "$") for name, value in found.items()} == {
        name: value for name, (_, value) in wanted.items()
    }


@SEARCH
@given(FILES)
def test_docker_stack_reads_them_as_we_do(
    tmp_path: Path, docker_config: dict[str, str], lines: list[tuple[str, str, str, str]]
) -> None:
    wanted = alike(lines, is_alike_in_docker)
    (tmp_path / "compose.yaml").write_text('version: "3.8"\n' + COMPOSE)
    (tmp_path / "env").write_text("".join(text for text, _ in wanted.values()))
    out = said_by(("docker", "stack", "config", "--compose-file", "compose.yaml"), tmp_path, docker_config)
    found = yaml.load(out, yaml.BaseLoader)["services"]["one"].get("environment") or {}  # its `=` has a tag of its own
    assert found == {name: value for name, (_, value) in wanted.items()}


@pytest.mark.parametrize(
    ("line", "in_compose", "in_docker"),
    [
        ("A=plain", True, True),
        ("A=two words", True, True),
        ("A=abc#def", True, True),
        ("A='quoted $x'", True, False),
        ('A="quoted"', True, False),
        ("A=cost$x", False, True),
        ('A="cost$x"', False, False),
        ("A=it\\s", False, True),
        ("A=x # comment", True, False),
        ("export A=x", True, False),
        ('A="two\nlines"', True, False),
        ("# before\n\nA=x\n\n# behind\n", True, True),
    ],
)
def test_what_passes(line: str, in_compose: bool, in_docker: bool) -> None:
    passes = [not misread(line, "env", is_alike) for is_alike in (is_alike_in_compose, is_alike_in_docker)]
    assert passes == [in_compose, in_docker]


@pytest.mark.parametrize(("engine", "line"), [(compose.ENGINE, "KEY=a$b"), (swarm.ENGINE, "KEY='ab'")])
def test_apply_refuses_one_that_would_be_misread(engine: object, line: str, tmp_path: Path) -> None:
    """By the variable's name and line; its value may be a secret."""
    assert engine in (compose.ENGINE, swarm.ENGINE)
    (tmp_path / "site.env").write_text(f"DEBUG=0\n{line}\n")
    stack = declared({"one": {"COMMAND": "true"}}, {"ENV_FILE": str(tmp_path / "site.env")}, str(tmp_path))
    check = compose.ENGINE.check if engine is compose.ENGINE else swarm.ENGINE.check
    asked = Asked(stack=stack, options=ContainerOptions(), directory=str(tmp_path))
    with pytest.raises(Refusal) as refused:
        drive(check(asked), print)
    assert "KEY (line 2)" in refused.value.what
    assert line.partition("=")[2] not in refused.value.what


def test_without_env_files_there_is_nothing_to_refuse() -> None:
    Played().play(swarm.ENGINE.check(Asked(stack=stack_of(), options=ContainerOptions(), directory="/d")))
