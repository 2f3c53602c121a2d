"""`procession supervise` as process 1, as it is in a container."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from procession.refusal import ExitCode
from tests.console.project import DEADLINE_SECONDS, Project
from tests.django.conftest import MANAGE, SETTINGS

IN_A_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
DECLARES = 'PRODUCTION_PROCESSES = {"idle": {"COMMAND": "sleep 1000"}}\n'


@pytest.mark.root
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_comes_while_the_settings_are_read_is_not_lost(project: Project, number: signal.Signals) -> None:
    if subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs a PID namespace: unshare --pid")
    here = project.directory
    (here / "mysite").mkdir()
    (here / "mysite/settings.py").write_text(f'{SETTINGS}open("gate").read()\n{DECLARES}')
    (here / "manage.py").write_text(MANAGE)
    os.mkfifo(here / "gate")
    argv = [*IN_A_NAMESPACE, *project.command, "supervise"]
    with subprocess.Popen(argv, cwd=here, env=project.environment(), stdout=subprocess.DEVNULL) as unshared:
        try:
            with (here / "gate").open("w"):  # opens when the settings have come to it
                os.kill(first_of(unshared.pid), number)
            assert unshared.wait(DEADLINE_SECONDS) == ExitCode.DONE
        finally:
            unshared.kill()


def first_of(pid: int) -> int:
    """The first process of the namespace, as we count."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
