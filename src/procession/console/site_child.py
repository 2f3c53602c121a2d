"""A short-lived child in the site's own Python, in the place of a process: so that it sees what that sees."""

from __future__ import annotations

import json
import os
import subprocess

from procession.console.run import Place, build_environment
from procession.control.client import connect, peer_pid
from procession.owner import find_owner
from procession.refusal import Refusal
from procession.stack.codec import from_data
from procession.stack.model import Stack

STACK_FILE = "stack.json"
KEPT = ("TERM", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "LANG", "LC_ALL")


def applied_stack(stack_directory: str) -> Stack | None:
    """What runs, or ran last."""
    try:
        with open(os.path.join(stack_directory, STACK_FILE), encoding="utf-8") as file:
            data = json.load(file)
        return from_data(Stack, data.get("stack", data))
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def see_as(pid: int) -> None:
    """Take the supervisor's environment for ours: what is set in this shell alone is not set for the site."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            pairs = [item.partition("=") for item in os.fsdecode(file.read()).split("\0") if "=" in item]
    except OSError:
        return
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update({name: value for name, _, value in pairs} | kept)


def see_as_supervisor(stack_directory: str) -> None:
    """The same, of the supervisor there; without one, ours stays."""
    try:
        with connect(stack_directory) as connection:
            see_as(peer_pid(connection))
    except Refusal:
        pass


def run_in(where: Place, argv: list[str], *, timeout_seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Raises OSError, Refusal, subprocess.TimeoutExpired."""
    try:
        owner = find_owner(where.user, where.group)
    except LookupError as error:
        raise Refusal(str(error)) from error
    becomes = (owner.uid, owner.gid) != (os.geteuid(), os.getegid())
    return subprocess.run(
        argv,
        cwd=where.directory,
        env=build_environment(where, owner),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_seconds,
        check=False,
        user=owner.uid if becomes else None,
        group=owner.gid if becomes else None,
        extra_groups=(os.getgrouplist(owner.name, owner.gid) if owner.name else []) if becomes else None,
    )
