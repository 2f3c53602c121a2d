"""SIGKILL to the supervisor, to the recorder, to both; and what must hold afterwards."""

from __future__ import annotations

import os
import signal

from tests.supervisor.programs import marked, until
from tests.supervisor.site import Site, wait_for_end


def kill_supervisor(site: Site) -> int:
    """SIGKILL to the supervisor that is there now; its pid. The recorder starts the next one."""
    pid = int(site.status()["supervisor"]["pid"])
    os.kill(pid, signal.SIGKILL)
    for popen in site.started:
        if popen.pid == pid:
            popen.wait()
    wait_for_end(pid)
    return pid


def kill_both(site: Site) -> None:
    """SIGKILL to supervisor and recorder, so that neither starts the other."""
    recorder = recorder_pid(site)
    own = site.status()["supervisor"]
    os.kill(own["pid"], signal.SIGSTOP)
    os.kill(recorder, signal.SIGKILL)
    os.kill(own["pid"], signal.SIGKILL)
    for popen in site.started:
        if popen.pid == own["pid"]:
            popen.wait()
    until(lambda: not site.is_recorded() and not site.is_supervised())


def recorder_pid(site: Site) -> int:
    """The recorder's pid, as soon as there is one. (0 while it is being started again; kill(0) would be for us.)"""
    until(lambda: site.status()["supervisor"]["recorder_pid"] > 0)
    return int(site.status()["supervisor"]["recorder_pid"])


def await_all_ready(site: Site) -> dict[str, int]:
    """Wait until every instance is ready; the pid of each."""

    def is_ready() -> bool:
        views = site.status()["instances"]
        return bool(views) and all(view["phase"] == "ready" for view in views)

    until(is_ready, lambda: str(site.status()["instances"]))
    return {view["name"]: view["pid"] for view in site.status()["instances"]}


def main_processes(site: Site) -> dict[str, list[int]]:
    """Which processes carry the mark of which instance, as it is on the machine and not as the supervisor thinks."""
    found: dict[str, list[int]] = {}
    for pid in marked(site.directory):
        with open(f"/proc/{pid}/environ", "rb") as file:
            fields = dict(item.partition(b"=")[::2] for item in file.read().split(b"\0"))
        if fields[b"PROCESSION_PID"] == str(pid).encode():
            found.setdefault(fields[b"PROCESSION_INSTANCE"].decode(), []).append(pid)
    return found


def assert_one_of_each(site: Site, pids: dict[str, int]) -> None:
    """Exactly these main processes are on the machine: none is missing, none is there twice."""
    assert main_processes(site) == {name: [pid] for name, pid in pids.items()}
