"""SIGHUP has the declaration read anew, by a command that came with the stack; never two of them at once."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial

from procession.stack.codec import to_data
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process

STEADY = 'say("ready")\nstay()\n'
READ = """
signal.signal(signal.SIGUSR1, lambda *_: os._exit(3))
print("reading")
print("half a line", end="", flush=True)
say("reread")
stay()
"""


def up(site: Site, stage: Stage, command: tuple[str, ...]) -> None:
    site.start()
    site.processes = (process("web", stage.program(STEADY)),)
    stack = replace(site.stack(), reread=command)
    assert site.call("apply", {"stack": to_data(stack), "start": True})["done"]


def is_heard(site: Site, count: int) -> bool:
    return site.log("procession").count("SIGHUP") == count


def test_its_words_and_its_end_are_noted(site: Site, stage: Stage) -> None:
    up(site, stage, stage.program(READ))
    site.popen.send_signal(signal.SIGHUP)
    pid = stage.hear("reread").pid
    assert site.call("upgrade", {"program": ["python", "x"]})["text"] == [
        "an update is under way; try again when it is done"
    ]
    os.kill(pid, signal.SIGUSR1)
    until(lambda: "update: ended with 3" in site.log("procession"), lambda: site.log("procession"))
    assert "update: reading\nupdate: half a line\n" in site.log("procession")


def test_one_at_a_time_and_once_more(site: Site, stage: Stage) -> None:
    up(site, stage, stage.program(READ))
    site.popen.send_signal(signal.SIGHUP)
    first = stage.hear("reread").pid
    for count in (2, 3):
        site.popen.send_signal(signal.SIGHUP)
        until(partial(is_heard, site, count))
    assert stage.is_silent_about("reread")
    os.kill(first, signal.SIGUSR1)
    second = stage.hear("reread").pid
    os.kill(second, signal.SIGUSR1)
    until(lambda: site.log("procession").count("update: ended with 3") == 2)
    assert stage.is_silent_about("reread")


def test_a_stack_without_a_command_says_so(site: Site, stage: Stage) -> None:
    up(site, stage, ())
    site.popen.send_signal(signal.SIGHUP)
    until(lambda: "run: procession update" in site.log("procession"))


def test_a_command_that_is_gone_is_said(site: Site, stage: Stage) -> None:
    up(site, stage, ("/no/such/python",))
    site.popen.send_signal(signal.SIGHUP)
    until(lambda: "update: cannot start /no/such/python: No such file or directory" in site.log("procession"))
