"""What hangs is asked for its traceback: the whole tree, the workers first, and twice where once is not enough."""

from __future__ import annotations

import os
import signal

from procession.stack.model import Limits, Probe, ProbeType
from tests.supervisor.programs import Stage, is_alive
from tests.supervisor.site import Site, process

# It says what it gets; `deaf` ignores the first that comes, as a handler does that never runs.
TREE = """
import resource
def worker():
    signal.signal(signal.SIGABRT, lambda *_: (say(f"core{resource.getrlimit(resource.RLIMIT_CORE)[0]}"), sys.exit(0)))
    say("worker")
    stay()
def deaf():
    signal.signal(signal.SIGABRT, signal.SIG_IGN)
    signal.signal(signal.SIGBUS, lambda *_: (say("pressed"), sys.exit(0)))
    say("deaf")
    stay()
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (min(hard, 4096) if hard >= 0 else 4096, hard))
for child in map(globals().get, sys.argv[1:]):
    fork(child)
def aborted(*_):
    say("main")
    os._exit(7)
signal.signal(signal.SIGABRT, aborted)
signal.signal(CHLD, lambda *_: None)
say("up")
stay()
"""
NEVER_WELL = Probe(type=ProbeType.NOTIFY, interval_seconds=0.5, failures=1)


def test_every_process_of_the_tree_is_asked_and_the_main_one_last(site: Site, stage: Stage) -> None:
    site.up(process("web", (*stage.program(TREE), "worker", "deaf", "worker"), liveness=NEVER_WELL))
    stage.hear("up")
    pids = {stage.hear("deaf").pid, *(said.pid for said in stage.hear_all("worker", 2))}
    stage.hear_all("core0", 2)  # no core is dumped of what hangs
    assert stage.is_silent_about("main")
    stage.hear("pressed")
    assert stage.hear("main").pid not in pids
    stage.hear("up")
    assert site.await_phase("web.1", "ready", "stopping")["last_exit"].startswith("exited with 7")
    assert not any(is_alive(pid) for pid in pids)


def test_a_core_is_dumped_where_it_was_asked_for(site: Site, stage: Stage) -> None:
    declared = process("web", (*stage.program(TREE), "worker"), liveness=NEVER_WELL, limits=Limits(core_bytes=4096))
    site.up(declared)
    stage.hear("core4096")


def test_who_does_not_even_mind_being_pressed_is_killed(site: Site, stage: Stage) -> None:
    body = """
signal.signal(signal.SIGABRT, signal.SIG_IGN)
signal.signal(signal.SIGBUS, signal.SIG_IGN)
say("up")
stay()
"""
    site.up(process("web", stage.program(body), liveness=NEVER_WELL))
    pid = stage.hear("up").pid
    os.kill(pid, signal.SIGSTOP)
    assert stage.hear("up").pid != pid
    assert site.instance("web.1")["last_exit"].startswith("killed by SIGKILL, stopped because it hung: ")
