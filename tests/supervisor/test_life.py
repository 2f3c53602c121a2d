"""An instance's life: it starts, it dies and is started again, it stops; and what it finds when it starts."""

from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path

import pytest

from procession.stack.model import Limits, Probe, ProbeType, RestartWhen, StopStep
from tests.faults.killing import kill_supervisor
from tests.supervisor.programs import Stage, is_alive, until
from tests.supervisor.site import Site, process

STEADY = """
say("ready")
stay()
"""


def test_it_runs_what_is_declared_and_ends_without_a_trace(site: Site, stage: Stage) -> None:
    answer = site.up(process("web", stage.program(STEADY), replicas=2))
    assert answer["done"], answer
    pids = {said.pid for said in stage.hear_all("ready", 2)}
    assert {one["pid"] for one in site.status()["instances"]} == pids
    assert site.down()["done"]
    assert not any(is_alive(pid) for pid in pids)
    assert site.popen.wait() == 0
    assert not (site.directory / "control.sock").exists()
    assert not (site.directory / "state.json").exists()


def test_a_killed_instance_is_started_again(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))
    first = stage.hear("ready")
    os.kill(first.pid, signal.SIGKILL)
    second = stage.hear("ready")
    assert second.pid != first.pid
    view = site.await_phase("web.1", "ready")
    assert (view["pid"], view["restarts"], view["last_exit"]) == (second.pid, 1, "killed by SIGKILL")


def test_a_hundred_killed_at_once_all_come_back(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY), replicas=100))
    first = {said.pid for said in stage.hear_all("ready", 100)}
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    second = {said.pid for said in stage.hear_all("ready", 100)}
    assert len(second) == 100
    assert not first & second
    until(lambda: all(one["phase"] == "ready" for one in site.status()["instances"]))
    assert {one["pid"] for one in site.status()["instances"]} == second


def test_it_finds_the_environment_that_is_declared(site: Site, stage: Stage, tmp_path: Path) -> None:
    show = 'import json\nopen(sys.argv[1], "w").write(json.dumps([dict(os.environ), os.getcwd()]))\n' + STEADY
    out = tmp_path / "shown"
    declared = process("web", (*stage.program(show), str(out)), environment={"COLOUR": "blue"}, directory=str(tmp_path))
    site.start(environment={"FROM": "outside", "NOTIFY_SOCKET": "", "LISTEN_FDS": "3", "PROCESSION_LIFE": "9"})
    site.up(declared)
    stage.hear("ready")
    environment, directory = json.loads(out.read_text())
    assert directory == str(tmp_path)
    expected = {
        "FROM": "outside", "COLOUR": "blue", "PYTHONUNBUFFERED": "1", "PWD": str(tmp_path),
        "PROCESSION_INSTANCE": "web.1", "PROCESSION_PROCESS": "web", "PROCESSION_REPLICA": "1",
        "PROCESSION_DIRECTORY": str(site.directory), "PROCESSION_LIFE": "1",
    }  # fmt: skip
    assert expected.items() <= environment.items()
    assert not {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"} & environment.keys()


def test_it_has_three_open_files_default_signals_and_a_session_of_its_own(site: Site, stage: Stage) -> None:
    ask = """
fds = [os.readlink(f"/proc/self/fd/{fd}") for fd in sorted(map(int, os.listdir("/proc/self/fd")))[:-1]]
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(fds, os.getsid(0) == os.getpgid(0) == os.getpid(), status["SigBlk"].strip(), flush=True)
say("ready")
stay()
"""
    site.up(process("web", stage.program(ask)))
    stage.hear("ready")
    fifo = str(site.directory / "fifo" / "web.1")
    until(lambda: site.log("web.1") != "")
    assert site.log("web.1") == f"{['/dev/null', fifo, fifo]} True {'0' * 16}"


def test_ignored_signals_of_the_supervisor_are_not_passed_on(site: Site, stage: Stage) -> None:
    site.up(process("web", ("sh", "-c", "grep SigIgn /proc/self/status; exec sleep 1000")))
    until(lambda: site.log("web.1") != "")
    assert int(site.log("web.1").split()[1], 16) == 0  # Python itself ignores SIGPIPE: it would kill no pipe of a shell


def test_umask_and_limits(site: Site) -> None:
    script = "umask; ulimit -n; ulimit -c; nice; exec sleep 1000"
    limits = Limits(files=123, core_bytes=0, nice=5)
    site.up(process("web", ("bash", "-c", script), umask=0o027, limits=limits))
    until(lambda: site.log("web.1").count("\n") == 3)
    assert site.log("web.1").split() == ["0027", "123", "0", "5"]


def test_open_files_are_those_that_the_supervisor_was_started_with(site: Site) -> None:
    """It takes as many as it may for itself; a program that calls select(2) would fail with so many."""
    site.start(through=("prlimit", "--nofile=900:4000"))
    show = "ulimit -Sn; ulimit -Hn; exec sleep 1000"
    site.up(process("web", ("sh", "-c", show)), process("more", ("sh", "-c", show), limits=Limits(files=3000)))
    for name, shown in (("web.1", "900\n4000"), ("more.1", "3000\n4000")):
        until(lambda name=name, shown=shown: site.log(name) == shown, lambda name=name: site.log(name))  # type: ignore[misc]
    assert resource.prlimit(site.popen.pid, resource.RLIMIT_NOFILE) == (4000, 4000)
    pid = kill_supervisor(site)
    site.call("restart", {"names": ["web"]})  # by a supervisor that the recorder has started
    until(lambda: site.log("web.1") == "900\n4000\n900\n4000")
    assert site.status()["supervisor"]["pid"] != pid


@pytest.mark.parametrize("is_forbidden", [True, False])
def test_no_new_privileges(site: Site, is_forbidden: bool) -> None:
    script = "grep NoNewPrivs /proc/self/status; exec sleep 1000"
    site.up(process("web", ("sh", "-c", script), no_new_privs=is_forbidden))
    until(lambda: site.log("web.1").split() == ["NoNewPrivs:", str(int(is_forbidden))])


@pytest.mark.root
def test_it_has_its_users_name_home_and_other_groups(site: Site, tmp_path: Path) -> None:
    """With a user database of its own, in which the user is in one more group."""
    groups = tmp_path / "group"
    groups.write_text(Path("/etc/group").read_text() + "procession-test:x:54321:nobody\n")
    site.start(through=("unshare", "--mount", "sh", "-c", f'mount --bind {groups} /etc/group; exec "$@"', "sh"))
    site.up(process("web", ("sh", "-c", "id -G; echo $HOME $USER $LOGNAME; exec sleep 1000"), user="nobody"))
    until(lambda: site.log("web.1").count("\n") == 1)
    assert site.log("web.1").splitlines() == ["65534 54321", "/nonexistent nobody nobody"]


@pytest.mark.root
def test_a_user_that_it_may_not_become_is_said(site: Site, tmp_path: Path) -> None:
    """Without root's rights, which are taken from the supervisor here."""
    site.start(through=("setpriv", "--bounding-set=-setuid,-setgid", "--inh-caps=-setuid,-setgid"))
    site.up(process("web", ("sleep", "1000"), user="nobody"))
    assert site.await_phase("web.1", "backoff")["last_exit"] == "cannot become nobody: Operation not permitted"


@pytest.mark.root
def test_it_becomes_the_declared_user_with_its_groups(site: Site) -> None:
    site.up(process("web", ("sh", "-c", "id; echo $HOME; exec sleep 1000"), user="nobody"))
    until(lambda: site.log("web.1").count("\n") == 1)
    assert site.log("web.1") == "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n/nonexistent"


@pytest.mark.root
def test_a_user_may_be_a_number_and_may_open_its_own_output(site: Site) -> None:
    script = "id -u; id -g; echo said > /dev/stderr; exec sleep 1000"
    site.up(process("web", ("sh", "-c", script), user="65534", group="1"))
    until(lambda: site.log("web.1").count("\n") == 2)
    assert site.log("web.1").split() == ["65534", "1", "said"]


@pytest.mark.root
def test_what_an_env_file_says_of_its_user_is_kept(site: Site, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("HOME=/srv/site\n")
    script = "echo $HOME $USER; exec sleep 1000"
    site.up(process("web", ("sh", "-c", script), user="nobody", env_files=(str(tmp_path / "env"),)))
    until(lambda: site.log("web.1") == "/srv/site nobody")


def test_env_files_are_read_at_each_start(site: Site, stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("COLOUR=red\n")
    body = 'print(os.environ["COLOUR"], flush=True)\n' + STEADY
    site.up(process("web", stage.program(body), env_files=(str(file),)))
    stage.hear("ready")
    file.write_text("COLOUR=green\n")
    site.call("restart", {"names": ["web"]})
    until(lambda: site.log("web.1") == "red\ngreen")


def test_a_directory_behind_a_symlink_is_found_anew_at_each_start(site: Site, tmp_path: Path) -> None:
    for release in ("one", "two"):
        (tmp_path / release).mkdir()
    current = tmp_path / "current"
    current.symlink_to("one")
    site.up(process("web", ("sh", "-c", "pwd -P; pwd; exec sleep 1000"), directory=str(current)))
    until(lambda: site.log("web.1").count("\n") == 1)
    current.unlink()
    current.symlink_to("two")
    site.call("restart", {"names": ["web"]})
    until(lambda: site.log("web.1").count("\n") == 3)
    assert site.log("web.1").split() == [str(tmp_path / "one"), str(current), str(tmp_path / "two"), str(current)]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"argv": ("/nonesuch/program",)}, "cannot run /nonesuch/program: there is no such file"),
        ({"argv": ("nonesuch-program",)}, "cannot run nonesuch-program: not found in PATH"),
        ({"argv": ("/etc/passwd",)}, "cannot run /etc/passwd: Permission denied"),
        ({"directory": "/nonesuch"}, "cannot enter its directory /nonesuch: No such file or directory"),
        ({"env_files": ("/nonesuch.env",)}, "cannot read env file /nonesuch.env: No such file or directory"),
        ({"user": "nonesuch"}, 'there is no user "nonesuch"'),
        ({"group": "nonesuch"}, 'there is no group "nonesuch"'),
    ],
)
def test_what_cannot_start_says_why(site: Site, fields: dict[str, object], why: str) -> None:
    site.up(process("web", **{"argv": ("sleep", "1000"), **fields}))  # type: ignore[arg-type]
    view = site.await_phase("web.1", "backoff")
    assert view["last_exit"].startswith(why)
    assert view["pid"] == 0


@pytest.mark.parametrize(
    ("text", "why"), [(b"A=1\nB=\xff\n", "line 2: is not valid UTF-8"), (b'A="1\n', 'line 1: no closing "')]
)
def test_an_env_file_that_makes_no_sense_is_named_with_its_line(
    site: Site, tmp_path: Path, text: bytes, why: str
) -> None:
    path = tmp_path / "site.env"
    path.write_bytes(text)
    site.up(process("web", ("sleep", "1000"), env_files=(str(path),)))
    assert site.await_phase("web.1", "backoff")["last_exit"] == f"cannot read env file {path}: {why}"


def test_a_script_without_its_interpreter(site: Site, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/nonesuch/python\n")
    script.chmod(0o755)
    site.up(process("web", (str(script),)))
    why = f"cannot run {script}: the interpreter that its first line names is not there"
    assert site.await_phase("web.1", "backoff")["last_exit"] == why


def test_exit_codes_and_signals_are_told_apart(site: Site) -> None:
    never = RestartWhen.NEVER
    site.up(
        process("three", ("sh", "-c", "exit 3"), restart=never),
        process("segv", ("sh", "-c", "kill -SEGV $$"), restart=never),
        process("zero", ("true",), restart=never),
    )
    assert site.await_phase("three.1", "failed")["last_exit"] == "exited with 3"
    assert site.await_phase("segv.1", "failed")["last_exit"] == "killed by SIGSEGV"
    assert site.await_phase("zero.1", "done")["last_exit"] == "exited with 0"


def test_the_stop_ladder_ends_with_a_kill(site: Site, stage: Stage) -> None:
    deaf = 'signal.signal(TERM, lambda *_: say("TERM"))\nsignal.signal(signal.SIGQUIT, lambda *_: say("QUIT"))\n'
    ladder = (StopStep("TERM", 0.05), StopStep("QUIT", 0.05))
    site.up(process("web", stage.program(deaf + STEADY), stop=ladder))
    pid = stage.hear("ready").pid
    assert site.call("stop", {"names": ["web"]})["done"]
    stage.hear("TERM")
    stage.hear("QUIT")
    assert not is_alive(pid)
    assert site.instance("web.1")["last_exit"] == "killed by SIGKILL"


def test_a_stopped_process_is_continued_so_that_it_can_end(site: Site, stage: Stage) -> None:
    polite = 'signal.signal(TERM, lambda *_: (say("bye"), os._exit(0)))\n'
    site.up(process("web", stage.program(polite + STEADY)))
    os.kill(stage.hear("ready").pid, signal.SIGSTOP)
    assert site.call("stop", {"names": ["web"]})["done"]
    stage.hear("bye")
    assert site.instance("web.1")["last_exit"] == "exited with 0"


def test_an_exit_during_its_start_is_not_lost(site: Site, stage: Stage) -> None:
    late = Probe(type=ProbeType.TCP, address="127.0.0.1:1", interval_seconds=0.05, within_seconds=60)
    site.up(process("web", stage.program('say("up"); os._exit(3)'), readiness=late, restart=RestartWhen.NEVER))
    stage.hear("up")
    assert site.await_phase("web.1", "failed")["last_exit"] == "exited with 3"


def test_a_signal_is_sent_to_the_main_process(site: Site, stage: Stage) -> None:
    body = 'signal.signal(signal.SIGHUP, lambda *_: say("HUP"))\n' + STEADY
    site.up(process("web", stage.program(body)))
    ready = stage.hear("ready")
    assert site.call("signal", {"names": ["web"], "signal": "HUP"})["done"]
    assert stage.hear("HUP").pid == ready.pid
    answer = site.call("signal", {"names": ["web"], "signal": "HUB"})
    assert (answer["done"], answer["code"]) == (False, 2)
    assert answer["text"] == ["signal: there is no signal 'HUB'; see signal(7)"]


def test_sigterm_to_the_supervisor_takes_everything_down(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))
    pid = stage.hear("ready").pid
    site.popen.send_signal(signal.SIGTERM)
    assert site.popen.wait() == 0
    assert not is_alive(pid)


def test_a_second_sigterm_does_not_wait(site: Site, stage: Stage) -> None:
    body = 'signal.signal(TERM, lambda *_: say("TERM"))\n' + STEADY
    site.up(process("web", stage.program(body), stop=(StopStep("TERM", 3600.0),)))
    pid = stage.hear("ready").pid
    site.popen.send_signal(signal.SIGTERM)
    stage.hear("TERM")
    site.popen.send_signal(signal.SIGTERM)
    assert site.popen.wait() == 0
    assert not is_alive(pid)


def test_sighup_does_not_kill_it(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))
    pid = stage.hear("ready").pid
    site.popen.send_signal(signal.SIGHUP)
    assert site.instance("web.1")["pid"] == pid


def test_an_instance_that_comes_back_at_once_loses_no_line(site: Site, stage: Stage) -> None:
    """Its FIFO is removed and made again while the recorder still has to hear of both."""
    site.up(process("web", stage.program('print("line", flush=True)\n' + STEADY), replicas=2))
    stage.hear("ready", "web.2")
    client = site.connect()
    for _ in range(5):
        for count in (1, 2):
            assert client.call("scale", {"counts": {"web": count}})["done"]
        stage.hear("ready", "web.2")
    client.close()
    until(lambda: site.log("web.2") == "\n".join(["line"] * 6), lambda: site.log("web.2"))


def test_a_life_costs_no_fd_and_no_memory(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))

    def live(count: int) -> tuple[int, int]:
        for _ in range(count):
            os.kill(stage.hear("ready").pid, signal.SIGKILL)
        status = Path(f"/proc/{site.popen.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("RssAnon"))
        return len(os.listdir(f"/proc/{site.popen.pid}/fd")), int(resident.split()[1])

    fds, resident_kilobytes = live(50)
    fds_later, resident_kilobytes_later = live(150)
    assert abs(fds_later - fds) <= 3  # a life may be at its beginning or its end
    assert resident_kilobytes_later - resident_kilobytes < 256
