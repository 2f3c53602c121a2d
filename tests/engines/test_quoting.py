"""Quoting, format by format: any value is read back as it was, or refused; never changed.

Each reader is the engine's own, or is written after it. What needs the whole engine is tried with it: Compose's and
Swarm's files by docker (also `test_compose`), nginx and Caddy by themselves (`test_fronts_quoting`), and each engine's
story reads an awkward value in the process itself.
"""

from __future__ import annotations

import io
import json
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from supervisor.options import ServerOptions

from procession.engines import swarm
from procession.engines.containers.options import ContainerOptions, Image
from procession.engines.text.docker import compose_value, docker_words
from procession.engines.text.kubernetes import kubernetes_value
from procession.engines.text.shell import shell_line
from procession.engines.text.supervisord import (
    plain_json,
    supervisord_can_set,
    supervisord_command,
    supervisord_environment,
    supervisord_value,
)
from procession.engines.text.systemd import Unwritable, systemd_command, systemd_env_file, systemd_value, systemd_word
from procession.engines.text.yaml import yaml_text
from procession.stack.systemd_env import read
from tests.engines.contained import WORKER, stack_of
from tests.engines.kubernetes.kubelet import expand

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
AWKWARD = st.lists(
    st.sampled_from(["%", "%%", "%(here)s", "$", "$$", "${X}", "$(x)", "'", '"', "\\", " ", "  ", "#", ";", "\n", "\t",
                     "a", "\u00fc", "\U0001f980", "=", ",", ": ", "- ", "{", "}", "`", "!", "*", "&", "~", "yes",
                     "1e3"]),
    max_size=8,
).map("".join)  # fmt: skip
VALUES = TEXTS | AWKWARD
ESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Format:
    """How one value is written, and how the format's reader understands that. `holds` must not be refused."""

    write: Callable[[str], str]
    read: Callable[[str], str]
    holds: str = 'it\'s 100 % of "$HOME" \\ #1; \u00fc, two\nlines'


def unquote(word: str) -> str:
    """extract_first_word() with EXTRACT_UNQUOTE | EXTRACT_CUNESCAPE, then specifiers: `%%` is `%` (systemd 252)."""
    assert "\n" not in word
    assert "%" not in word.replace("%%", "")
    if not word.startswith('"'):
        return word.replace("%%", "%")
    body, data, index = word[1:-1], bytearray(), 0
    while index < len(body):
        if body[index] != "\\":
            data += body[index].encode()
            index += 1
        elif body[index + 1] == "x":
            data.append(int(body[index + 2 : index + 4], 16))
            index += 4
        else:
            data += ESCAPED[body[index + 1]].encode()
            index += 2
    return data.decode("utf-8", "surrogateescape").replace("%%", "%")


def rest_of_line(text: str) -> str:
    """What config_parse() and specifiers make of it: one line, without the blanks around it."""
    assert "\n" not in text
    assert not text.endswith("\\")  # it would join the next line
    assert "%" not in text.replace("%%", "")
    return text.strip(" \t\r").replace("%%", "%")


def by_supervisord(settings: str) -> Any:
    """The one program of a supervisord.conf, by supervisord's own parser."""
    server = ServerOptions()
    server.configfile = "/nowhere/supervisord.conf"
    conf = f"[supervisord]\n[program:one]\n{settings}\n"
    server.here = "/nowhere"
    server.read_config(io.StringIO(conf))
    return server.configroot.supervisord.process_group_configs[0].process_configs[0]


def supervisord_variable(value: str) -> str:
    """Raises ValueError where the caller has to find another way."""
    if not supervisord_can_set("A", value):
        raise ValueError
    return f"command=/bin/true\nenvironment={supervisord_environment({'A': value})}"


def substituted(text: str) -> str:
    """compose-go's and docker/cli's template: `$$` is `$`; any other `$` begins a variable."""
    assert "$" not in text.replace("$$", "")
    return text.replace("$$", "$")


PLAIN = "it's 100 % of $HOME, \u00fc"
FORMATS: Mapping[str, Format] = {
    "systemd word": Format(systemd_word, unquote),
    "systemd line": Format(systemd_value, rest_of_line, '100 % of "x" \\ #1; \u00fc'),
    "systemd env file": Format(lambda value: systemd_env_file({"A": value}), lambda text: read(text)[0].value),
    "supervisord value": Format(
        lambda value: f"command=/bin/true\ndirectory={supervisord_value(value)}",
        lambda text: str(by_supervisord(text).directory),
        PLAIN,
    ),
    "supervisord command": Format(
        lambda value: f"command={supervisord_command(['x', value])}",
        lambda text: shlex.split(by_supervisord(text).command)[1],
        f'{PLAIN} "',
    ),
    "supervisord variable": Format(
        supervisord_variable, lambda text: str(by_supervisord(text).environment["A"]), PLAIN
    ),
    "JSON in a command": Format(plain_json, json.loads),
    "YAML": Format(lambda value: yaml_text({"a": value}), lambda text: yaml.safe_load(text)["a"]),
    "Compose and Swarm": Format(compose_value, substituted),
    "Dockerfile": Format(lambda value: docker_words([value]), lambda text: json.loads(text)[0]),
    "Kubernetes": Format(kubernetes_value, lambda text: expand(text, {"x": "wrong", "X": "wrong"})),
    "sh": Format(lambda value: shell_line(["x", value], {}), lambda text: shlex.split(text)[1], f'{PLAIN} " \\ #'),
}


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES)
@example(value="")
@example(value=" both ends ")
@example(value="ends with \\")
def test_a_value_is_read_back_as_it_was_or_refused(name: str, value: str) -> None:
    form = FORMATS[name]
    try:
        written = form.write(value)
    except ValueError:  # of which Unwritable is one
        return
    assert form.read(written) == value


@pytest.mark.parametrize("name", FORMATS)
def test_what_people_write_is_not_refused(name: str) -> None:
    form = FORMATS[name]
    assert form.read(form.write(form.holds)) == form.holds


@given(st.lists(TEXTS, min_size=1))
def test_a_command_is_as_many_words_as_it_was(argv: list[str]) -> None:
    line = systemd_command(argv)
    assert line[0] == ":"  # else systemd puts in variables
    assert len(shlex.split(line[1:])) == len(argv)


@pytest.mark.parametrize("value", ["a\nb", "a\\", " a", "a\x1b", "\udc80"])
def test_what_a_line_of_a_unit_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(Unwritable):
        systemd_value(value)


@pytest.mark.parametrize("value", ["\x1b", "\udc80"])
def test_a_refusal_does_not_say_the_value(value: str) -> None:
    """It may be a secret."""
    with pytest.raises(Unwritable) as refused:
        systemd_env_file({"KEY": f"hunter2{value}"})
    assert "KEY" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_bytes_that_are_no_text_go_by_number() -> None:
    assert systemd_word("\udc80") == '"\\x80"'


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, max_size=60))
def test_docker_stack_reads_a_whole_file_as_it_was_meant(
    tmp_path: Path, docker_config: dict[str, str], values: list[str]
) -> None:
    """Compose's twin is in `test_compose`."""
    environment = {f"V{number}": value for number, value in enumerate(values)}
    process = replace(WORKER, environment=environment, argv=("run", *values), depends_on=(), env_files=())
    files = swarm.render(stack_of(process), ContainerOptions(image=Image(build=False))).files
    (tmp_path / "compose.yaml").write_text(next(file.text for file in files if file.path == "compose.yaml"))
    argv = ("docker", "stack", "config", "--compose-file", "compose.yaml")
    done = subprocess.run(argv, cwd=tmp_path, env=docker_config, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = yaml.load(done.stdout, yaml.BaseLoader)["services"]["worker"]
    assert {name: found["environment"][name] for name in environment} == environment
    assert found["command"][1:] == values
