"""`procession upgrade`: this version of Procession takes the place of the one that runs the site."""

from __future__ import annotations

import argparse
import json
import os
import time

from procession.console import launch, text
from procession.control import wire
from procession.control.client import Client
from procession.refusal import ExitCode, Refusal

SUMMARY = "Have the site supervised by the Procession that is installed now, and interrupt nothing"
DETAILS = """\
After `pip install --upgrade procession`: supervisor and recorder are replaced by those of this command. No process of
the site is restarted, no port closed, no log line lost; the supervisor keeps its pid. The new version is tried first:
where it cannot start, or does not understand what runs, nothing is changed, and the exit code is 4. An older version
may take over from a newer one in the same way."""
EXAMPLES = ("procession upgrade",)
ANSWER_SECONDS_MAX = 10.0
CHECK_SECONDS_MAX = 30.0
RETURN_SECONDS_MAX = 30.0  # until somebody answers again, who may be the old version, started again
LOOK_AGAIN_SECONDS = 0.01


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(options: argparse.Namespace) -> int:
    with Client(options.stack_directory) as client:
        before = client.call("status", timeout_seconds=ANSWER_SECONDS_MAX).data
        program = launch.program()
        version = try_out(program, options.stack_directory)
        answer = client.call("upgrade", {"program": program}, timeout_seconds=ANSWER_SECONDS_MAX)
    if not answer.done:
        raise Refusal("; ".join(answer.text), "nothing was changed", code=ExitCode(answer.code))
    after = await_successor(options.stack_directory, before)
    _check(before, after, version, options.stack_directory)
    for line in report(before, after):
        text.say(line)
    return ExitCode.DONE


def try_out(program: list[str], stack_directory: str) -> str:
    """Start both programs of this version, which end at once; its number. Raises Refusal when it could not go on."""
    supervisor = _ask([*program, "--directory", stack_directory, "--check"])
    try:
        found = json.loads(supervisor)
        version, why_not = str(found["version"]), str(found["why_not"])
    except (ValueError, TypeError, KeyError) as error:
        raise _unfit(f"it said {supervisor[:200]!r}") from error
    if why_not:
        raise _unfit(why_not)
    recorder = os.path.join(os.path.dirname(os.path.dirname(program[-1])), "recorder", "__main__.py")
    _ask([*program[:-1], recorder, "--check"])
    return version


def _ask(argv: list[str]) -> str:
    """What it prints. Raises Refusal."""
    import subprocess

    try:
        child = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=CHECK_SECONDS_MAX
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unfit(str(error)) from error
    if child.returncode:
        last = (child.stderr.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        raise _unfit(f"{argv[-2] if argv[-1] == '--check' else argv[0]}: {last}")
    return child.stdout


def _unfit(why: str) -> Refusal:
    return Refusal(f"the version installed here cannot take over: {why}", "nothing was changed")


def await_successor(stack_directory: str, before: wire.Message) -> wire.Message:
    """The status of the next supervisor, as soon as one answers. Raises Refusal when none does."""
    deadline = time.monotonic() + RETURN_SECONDS_MAX
    while True:
        try:
            with Client(stack_directory) as client:
                after = client.call("status", timeout_seconds=ANSWER_SECONDS_MAX).data
            if after["supervisor"]["began"] != before["supervisor"]["began"]:
                return after
            refusal = Refusal("the supervisor did not become the new version", "see: procession logs procession")
        except Refusal as error:
            refusal = error
        if time.monotonic() >= deadline:
            raise refusal
        time.sleep(LOOK_AGAIN_SECONDS)


def _check(before: wire.Message, after: wire.Message, version: str, stack_directory: str) -> None:
    """Raises Refusal when it is not the new version that answers."""
    old, new = before["supervisor"], after["supervisor"]
    if new["pid"] != old["pid"] or new["version"] != version:
        back = f"procession {new['version']} was started again by the recorder, pid {new['pid']}, and goes on"
        raise Refusal(f"procession {version} ended at its start; {back}", f"see why: {_words(stack_directory)}")


def _words(stack_directory: str) -> str:
    return f"{os.path.join(stack_directory, launch.STDERR_NAME)}, or: procession logs procession"


def report(before: wire.Message, after: wire.Message) -> list[str]:
    """What was done; and what was not adopted, which should not be."""
    old, new = before["supervisor"], after["supervisor"]
    was = {view["name"]: view["pid"] for view in before["instances"] if view["pid"]}
    now = {view["name"]: view["pid"] for view in after["instances"]}
    adopted = [name for name, pid in was.items() if now.get(name) == pid]
    count = f"{len(adopted)} instance{'' if len(adopted) == 1 else 's'} adopted"
    others = [f"{name}: pid {pid} has ended meanwhile" for name, pid in was.items() if name not in adopted]
    pid = f"supervisor pid {new['pid']}, as before" if new["pid"] == old["pid"] else f"supervisor pid {new['pid']}"
    return [f"procession {old['version']} -> {new['version']} ({pid}), {count}", *others]
