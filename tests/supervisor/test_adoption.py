"""The supervisor dies, everything goes on: the next one takes over what runs, and never starts a second copy."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from procession.stack.codec import to_data
from procession.stack.model import Listener, StopStep
from procession.supervisor.linux.state import survey
from tests.supervisor.programs import DEADLINE_SECONDS, Stage, is_alive, marked, until
from tests.supervisor.site import Site, process, wait_for_end

STEADY = """
say("ready")
stay()
"""


def kill_both(site: Site) -> None:
    """kill -9 of supervisor and recorder, so that neither starts the other; the recorder first."""
    recorder = site.status()["supervisor"]["recorder_pid"]
    site.popen.send_signal(signal.SIGSTOP)
    os.kill(recorder, signal.SIGKILL)
    site.popen.kill()
    site.popen.wait()
    until(lambda: not site.is_recorded() and not site.is_supervised())


def test_the_recorder_starts_a_killed_supervisor_again(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY), replicas=3))
    before = {said.instance: said.pid for said in stage.hear_all("ready", 3)}
    site.popen.kill()
    site.popen.wait()
    until(site.is_supervised)
    until(lambda: [one["phase"] for one in site.status()["instances"]] == ["ready"] * 3)
    assert {one["name"]: one["pid"] for one in site.status()["instances"]} == before
    assert stage.is_silent_about("ready")


def test_started_by_the_recorder_it_has_the_umask_that_it_had(site: Site, stage: Stage) -> None:
    """The recorder's own is 077: what instances write would be nobody else's to read from then on."""
    site.up(process("web", stage.program("os.umask(umask := os.umask(0))\nprint(oct(umask), flush=True)\n" + STEADY)))
    first = stage.hear("ready").pid
    site.popen.kill()
    site.popen.wait()
    until(lambda: site.instance("web.1")["pid"] == first)
    os.kill(first, signal.SIGKILL)
    stage.hear("ready")
    until(lambda: site.log("web.1").count("\n") == 1)
    before, after = site.log("web.1").split()
    assert after == before


def test_both_killed_and_up_again(site: Site, stage: Stage) -> None:
    declared = process("web", stage.program(STEADY), replicas=3)
    site.up(declared)
    before = {said.instance: said.pid for said in stage.hear_all("ready", 3)}
    kill_both(site)
    os.kill(before["web.2"], signal.SIGKILL)  # while nobody looks
    wait_for_end(before["web.2"])
    site.start()
    second = stage.hear("ready")
    assert second.instance == "web.2"
    assert site.up(declared)["done"]
    after = {one["name"]: one["pid"] for one in site.status()["instances"]}
    assert after == before | {"web.2": second.pid}
    assert sorted(marked(site.directory)) == sorted(after.values())


def test_how_an_adopted_instance_ended_is_known(site: Site, stage: Stage) -> None:
    body = "signal.signal(signal.SIGUSR1, lambda *_: os._exit(7))\n" + STEADY
    site.up(process("web", stage.program(body)))
    pid = stage.hear("ready").pid
    kill_both(site)
    site.start()
    site.await_phase("web.1", "ready")
    os.kill(pid, signal.SIGUSR1)
    stage.hear("ready")
    # Known where the kernel tells it (Linux 6.15), and in any case not taken for something else.
    assert site.await_phase("web.1", "ready")["last_exit"] in ("exited with 7", "ended, nobody knows how")


def test_what_a_person_stopped_stays_stopped(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)), process("other", stage.program(STEADY)))
    stage.hear_all("ready", 2)
    site.call("stop", {"names": ["other"]})
    kill_both(site)
    site.start()
    assert site.await_phase("web.1", "ready")
    assert site.instance("other.1")["phase"] == "stopped"
    assert stage.is_silent_about("ready")


@pytest.mark.parametrize("damage", ["truncated", "empty", "deleted", "another shape"])
def test_damaged_state_makes_no_second_copy(site: Site, stage: Stage, damage: str) -> None:
    site.up(process("web", stage.program(STEADY), replicas=2))
    before = {said.instance: said.pid for said in stage.hear_all("ready", 2)}
    state = site.directory / "state.json"
    site.await_saved("web.2")
    kill_both(site)
    whole = state.read_text()
    state.write_text({"truncated": whole[: len(whole) // 2], "empty": "", "another shape": "[1]"}.get(damage, ""))
    if damage == "deleted":
        state.unlink()
    site.start()
    until(lambda: [one["phase"] for one in site.status()["instances"]] == ["ready"] * 2)
    assert {one["name"]: one["pid"] for one in site.status()["instances"]} == before
    assert stage.is_silent_about("ready")
    os.kill(before["web.2"], signal.SIGKILL)  # its next life must not be taken for one that goes on
    assert stage.hear("ready").instance == "web.2"
    assert site.call("stop", {"names": ["web.1"]})["done"]
    assert not is_alive(before["web.1"])
    assert site.instance("web.2")["phase"] == "ready"
    if damage != "deleted":
        assert (site.directory / "state.json.broken").exists()


def test_a_lost_stack_is_told_anew_and_adopts(site: Site, stage: Stage) -> None:
    declared = process("web", stage.program(STEADY))
    site.up(declared)
    before = stage.hear("ready").pid
    kill_both(site)
    (site.directory / "stack.json").unlink()
    site.start()
    assert site.status()["instances"] == []
    assert site.up(declared)["done"]
    assert site.instance("web.1")["pid"] == before
    assert stage.is_silent_about("ready")


def test_a_pid_that_is_anothers_by_now_is_not_taken_over(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))
    pid = stage.hear("ready").pid
    state = site.directory / "state.json"
    site.await_saved("web.1")
    kill_both(site)
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    data = json.loads(state.read_text())
    data["live"][0]["pid"] = os.getpid()  # as if the number had come to us
    state.write_text(json.dumps(data))
    site.start()
    assert stage.hear("ready").pid not in (pid, os.getpid())


def test_the_state_of_another_boot_starts_nothing(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))
    pid = stage.hear("ready").pid
    state = site.directory / "state.json"
    site.await_saved("web.1")
    kill_both(site)
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    state.write_text(json.dumps({**json.loads(state.read_text()), "boot": "another"}))
    site.start()
    assert site.status()["instances"] == []


def test_what_a_dead_main_process_left_is_killed_before_the_next_starts(site: Site, stage: Stage) -> None:
    body = 'signal.signal(TERM, signal.SIG_IGN)\nfork(lambda: (say("child"), stay()))\n' + STEADY
    site.up(process("web", stage.program(body), stop=(StopStep("TERM", 0.05),)))
    main, child = stage.hear("ready").pid, stage.hear("child").pid
    kill_both(site)
    os.kill(main, signal.SIGKILL)
    wait_for_end(main)
    assert is_alive(child)
    site.start()
    stage.hear("ready")
    assert not is_alive(child)


def test_a_changed_declaration_restarts_what_was_adopted(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))
    before = stage.hear("ready").pid
    site.await_saved("web.1")
    kill_both(site)
    site.processes = (process("web", stage.program(STEADY), environment={"NEW": "1"}),)
    given = site.directory / "stack.json"
    given.write_text(json.dumps(to_data(site.stack())))
    site.start("--stack", str(given))
    assert stage.hear("ready").pid != before
    assert not is_alive(before)


def test_an_instance_that_is_declared_no_more_is_ended(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)), process("old", stage.program(STEADY)))
    pids = {said.instance: said.pid for said in stage.hear_all("ready", 2)}
    kill_both(site)
    site.processes = (process("web", stage.program(STEADY)),)
    given = site.directory / "stack.json"
    given.write_text(json.dumps(to_data(site.stack())))
    site.start("--stack", str(given))
    wait_for_end(pids["old.1"])
    assert site.instance("web.1")["pid"] == pids["web.1"]


def test_an_adopted_tree_is_killed_whole(site: Site, stage: Stage) -> None:
    body = """
def daemon():
    os.setsid()
    signal.signal(TERM, signal.SIG_IGN)
    fork(lambda: (say("daemon"), stay()))
os.waitpid(fork(daemon), 0)
"""
    site.up(process("web", stage.program(body + STEADY), stop=(StopStep("TERM", 5.0),)))
    stage.hear("ready")
    daemon = stage.hear("daemon").pid
    kill_both(site)
    site.start()
    site.await_phase("web.1", "ready")
    assert site.call("stop", {"names": ["web"]})["done"]
    assert not is_alive(daemon)


def test_the_listener_is_taken_back_from_a_living_instance(site: Site, stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = stage.program(STEADY)
    declared = process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),))
    site.up(declared)
    pid = stage.hear("ready").pid
    kill_both(site)
    site.start()
    site.await_phase("web.1", "ready")
    socket.create_connection(("127.0.0.1", port)).close()
    os.kill(pid, signal.SIGKILL)
    socket.create_connection(("127.0.0.1", port)).close()  # never closed in between: it waits in the backlog
    assert stage.hear("ready").pid != pid


def test_lines_said_while_nobody_reads_are_not_lost(site: Site, stage: Stage) -> None:
    body = """
def count(*_):
    for number in range(1000):
        print("line", number, flush=True)
    say("counted")
signal.signal(signal.SIGUSR1, count)
"""
    site.up(process("web", stage.program(body + STEADY)))
    pid = stage.hear("ready").pid
    kill_both(site)
    os.kill(pid, signal.SIGUSR1)
    stage.hear("counted")
    site.start()
    until(lambda: site.log("web.1").count("\n") == 999, lambda: site.log("web.1")[-500:])
    assert site.log("web.1").splitlines() == [f"line {number}" for number in range(1000)]


def test_a_killed_recorder_is_started_again_and_no_line_is_lost(site: Site, stage: Stage) -> None:
    body = """
def count(*_):
    for number in range(2000):
        print("line", number, flush=True)
    say("counted")
signal.signal(signal.SIGUSR1, count)
"""
    site.up(process("web", stage.program(body + STEADY)))
    pid = stage.hear("ready").pid
    recorder = site.status()["supervisor"]["recorder_pid"]
    os.kill(pid, signal.SIGUSR1)
    os.kill(recorder, signal.SIGKILL)
    stage.hear("counted")
    until(lambda: site.log("web.1").count("\n") == 1999, lambda: site.log("web.1")[-500:])
    assert site.log("web.1").splitlines() == [f"line {number}" for number in range(2000)]
    view = site.status()["supervisor"]
    assert (view["recorder_restarts"], view["recorder_pid"] != recorder) == (1, True)


def test_a_second_supervisor_is_refused(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))
    first = site.popen
    said = site.start()
    assert (said["ready"], said["code"]) == (False, 4)
    assert said["text"][0] == f"a supervisor (pid {first.pid}) already runs in {site.directory}"
    assert site.popen.wait() == 4
    assert Path(site.directory / "control.sock").exists()


def test_a_deleted_directory_leads_to_no_second_supervisor(site: Site, stage: Stage) -> None:
    """`git clean -dfx` takes it away while all runs. What ran is started anew: its output went into a deleted FIFO."""
    site.up(process("web", stage.program(STEADY)), process("worker", stage.program(STEADY), replicas=2))
    before = [said.pid for said in stage.hear_all("ready", 3)]
    shutil.rmtree(site.directory)
    site.start()
    first, _ = site.started
    assert first.wait(DEADLINE_SECONDS) == -signal.SIGKILL
    assert site.call("apply", {"stack": to_data(site.stack()), "start": True})["done"]
    after = {said.instance: said.pid for said in stage.hear_all("ready", 3)}
    assert not any(is_alive(pid) for pid in before)
    until(lambda: "this directory was deleted while a supervisor ran in it" in site.log("procession"))
    assert {one["name"]: one["pid"] for one in site.status()["instances"]} == after


@pytest.mark.root
@pytest.mark.parametrize(("around", "left"), [([], 1), (["unshare", "--pid", "--fork", "--kill-child"], 0)])
def test_what_a_container_runs_is_not_ours_even_if_its_path_is(tmp_path: Path, around: list[str], left: int) -> None:
    mark = {"DIRECTORY": str(tmp_path), "INSTANCE": "web.1", "LIFE": "1", "PID": "0"}
    environment = [f"PROCESSION_{name}={value}" for name, value in mark.items()]
    argv = [*around, "env", *environment, "sh", "-c", "echo; exec sleep 1000"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as container:
        assert container.stdout is not None
        assert container.stdout.read(1) == b"\n"
        found = survey(str(tmp_path), {}, [os.geteuid()])
        container.kill()
    assert len(found.leftovers) == left


@pytest.mark.root
def test_a_mark_that_somebody_else_wrote_is_not_believed(tmp_path: Path) -> None:
    """Or anybody could have root adopt his process as web.1, or kill what is left of a session that he names."""
    marks = ["DIRECTORY=" + str(tmp_path), "INSTANCE=web.1", "LIFE=7"]
    script = 'PROCESSION_PID=$$ exec sh -c "echo; exec sleep 1000"'
    argv = [
        "setpriv",
        "--reuid=65534",
        "--clear-groups",
        "env",
        *(f"PROCESSION_{mark}" for mark in marks),
        "sh",
        "-c",
        script,
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.read(1) == b"\n"
        trusting, careful = (survey(str(tmp_path), {}, owners) for owners in ([65534], [os.geteuid()]))
        other.kill()
    assert [found.name for found in trusting.living] == ["web.1"]
    assert (careful.living, careful.leftovers) == ((), ())
