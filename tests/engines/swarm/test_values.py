"""What arrives in an instance on a real swarm: any value, a secret as a file; and a release whose task fails."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.project import Ended, Project
from tests.engines.dockerd import import_image
from tests.engines.story import STORY_SECONDS
from tests.engines.swarm.machines import Machine, machines, make_swarm
from tests.engines.swarm.place import IMAGE

ODD = (
    "",
    "$HOME ${X} $$",
    "100 %",
    "it's",
    'say "so"',
    "a\nb\n",
    "\ttab ",
    "# none",
    "grüße 😀",
    "\\n",
    "{{.Node.ID}}",
    "~",
)
SECRET = "hunter2 # $x\n"
SAID = re.compile(r"\| (\{.*\})$", re.MULTILINE)
SHOW = """\
import json,os,sys,time
secret = open(os.environ['KEY_FILE']).read()
print(json.dumps({'argv': sys.argv[1:], 'env': dict(os.environ), 'secret': secret}), flush=True)
time.sleep(1e6)
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machines(["one"], tmp_path) as (machine,):
        make_swarm([machine])
        import_image(IMAGE, {**os.environ, **machine.environment}, tmp_path / "image.tar")
        yield machine


def declare(project: Project, *, once: str) -> None:
    odd = {f"ODD{at}": value for at, value in enumerate(ODD)}
    command = json.dumps(["python", "-c", SHOW, *ODD], ensure_ascii=False)
    lines = ["[stack]", 'name = "odd"', "[stack.engines.swarm]", 'secrets = ["KEY"]']
    lines += [f'image = {{ name = "{IMAGE}", build = false }}', "[processes.once]", f'command = "{once}"']
    lines += ['type = "task"', "[processes.show]", f"command = {command}"]
    lines += ['depends_on = ["once"]', "[processes.show.env]"]
    lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in odd.items()]
    project.declare("\n".join([*lines, ""]))


def procession(project: Project, machine: Machine, *words: str) -> Ended:
    environment = project.environment({**machine.environment, "KEY": SECRET})
    done = subprocess.run(
        [*project.command, *words], cwd=project.directory, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=STORY_SECONDS, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.timeout(STORY_SECONDS)
def test_values_arrive_and_a_task_that_fails_changes_nothing(project: Project, machine: Machine) -> None:
    declare(project, once="python -c pass")
    applied = procession(project, machine, "apply", "--engine", "swarm")
    assert applied.code == 0, applied
    before = procession(project, machine, "logs", "show", "-n", "all", "--no-times").out
    (said,) = (json.loads(found) for found in SAID.findall(before))
    assert said["argv"] == list(ODD)
    assert [said["env"][f"ODD{at}"] for at in range(len(ODD))] == list(ODD)
    assert said["secret"] == SECRET
    assert "KEY" not in said["env"]
    spec = machine.docker("service", "inspect", "odd_show")
    assert "hunter2" not in spec
    assert not [path for path in project.directory.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]

    declare(project, once="python -c 1/0")
    failed = procession(project, machine, "apply")
    assert failed.code == 1, failed
    assert "the task once failed, the site stays as it was" in failed.err
    assert procession(project, machine, "logs", "show", "-n", "all", "--no-times").out == before
    down = procession(project, machine, "down")
    assert down.code == 0, down
    left = [machine.docker(kind, "ls", "--quiet") for kind in ("service", "secret", "config")]
    assert [*left, machine.docker("ps", "--all", "--quiet")] == ["", "", "", ""]
