"""The tests of limits_in_cgroups.py: on this machine if it has the controllers, else in a kernel of their own.

User-mode Linux (Debian's user-mode-linux) is a kernel that runs as an ordinary process, on our own file system.
It boots in two seconds, and has cgroup v2 with every controller, whatever the machine has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from procession.supervisor.linux import cgroups

REPOSITORY = Path(__file__).parents[2]
TESTS = "tests/supervisor/limits_in_cgroups.py"
BOOT_SECONDS_MAX = 600  # only ever fails a test
INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /mnt
export {environment}
cd {repository}
{command} --basetemp=/mnt/tests > {output} 2>&1 < /dev/null
echo "exit code $?" >> {output}
sync
echo o > /proc/sysrq-trigger
sleep 100
"""


@pytest.mark.long
def test_limits_are_held(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", TESTS]
    here = cgroups.find_base()
    if all(not here.why_without(controller) for controller in ("memory", "cpu", "pids")) and os.geteuid() == 0:
        ended = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout
        return
    kernel = shutil.which("linux.uml")
    if kernel is None or os.geteuid() != 0:
        pytest.skip("no memory, cpu and pids controllers of cgroup v2 here, and no linux.uml to have them in")
    output = run_in(kernel, command, tmp_path)
    assert output.endswith("exit code 0\n"), output
    assert "skipped" not in output


def run_in(kernel: str, command: list[str], folder: Path) -> str:
    """What the command prints in a kernel of its own, and the line "exit code N"."""
    output, init = folder / "output", folder / "init"
    environment = f"PATH={os.environ['PATH']} PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8"
    init.write_text(
        INIT.format(environment=environment, repository=REPOSITORY, command=" ".join(command), output=output)
    )
    init.chmod(0o755)
    arguments = ["mem=512M", "rootfstype=hostfs", "root=/dev/root", "rootflags=/", "rw", f"init={init}"]
    console = ["con=null", "con0=null,fd:1", f"uml_dir={folder}", "quiet"]
    booted = subprocess.run(
        [kernel, *arguments, *console], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=BOOT_SECONDS_MAX,
    )  # fmt: skip
    assert output.exists(), booted.stdout + booted.stderr
    return output.read_text()
