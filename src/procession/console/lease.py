"""`procession lease -- CMD`: a command that runs on one of several hosts, for engines that know no leases."""

from __future__ import annotations

import argparse
import os
import sys

import procession.lease
from procession.lease.store import DATABASE, LEASE_IN, is_known
from procession.refusal import ExitCode, Refusal

SUMMARY = "Run one command under a lease: on one host of several"
EXAMPLES = (
    "procession lease --name shop/beat --in redis://cache:6379/0 -- celery -A shop beat",
    "procession lease --name shop/migrate --in database --once -- python manage.py migrate",
)
DETAILS = f"""\
Its parent renews the lease, passes signals on, and ends as it does; 75: the lease was lost, and the command killed.
With --once it gives up, with 69, when it could not ask STORE for 30 s.
Without --in, {LEASE_IN} in the environment says where the lease is: it may hold a password."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, metavar="LEASE", help="the same on all hosts")
    parser.add_argument("--in", dest="store", metavar="STORE", help="database (the site's own), or redis://host:port/n")
    parser.add_argument("--once", action="store_true", help="a task: it goes on to its end if the lease is lost")
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run, with its arguments"
    )


def run(options: argparse.Namespace) -> int:
    argv = options.command[1:] if options.command[:1] == ["--"] else options.command
    store = options.store or os.environ.get(LEASE_IN, "")
    if not argv or not is_known(store):
        what = "say what to run: procession lease --name NAME -- COMMAND" if not argv else "say where: --in STORE"
        raise Refusal(what, 'STORE is "database" or a URL of Redis', code=ExitCode.USAGE)
    os.environ[LEASE_IN] = store
    holder = [os.path.join(*procession.lease.__path__, "__main__.py")]
    if store == DATABASE:
        holder = ["-m", "procession.django.lease", "--project", options.directory]
    isolated = [] if store == DATABASE else ["-I", "-S"]
    once = ["--once"] if options.once else []
    words = [sys.executable, *isolated, *holder, "--name", options.name, *once, "--", *argv]
    sys.stdout.flush()
    os.execv(sys.executable, words)
