"""A Redis and a PostgreSQL server of our own, for as long as a test needs them."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def redis_server(*options: str, through: tuple[str, ...] = ()) -> Iterator[str]:
    """The path of its socket; with `options`, it listens elsewhere, too. `through` is a program that execs it."""
    program = shutil.which("redis-server") or pytest.skip("redis-server is not installed")
    with tempfile.TemporaryDirectory(prefix="redis-") as directory:
        path = f"{directory}/redis.sock"
        argv = [*through, program, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"]
        with subprocess.Popen([*argv, "--dir", directory, *options], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            assert any("ready to accept connections" in line for line in server.stdout), "redis-server ended at once"
            yield path
            server.terminate()
            server.stdout.read()


@contextmanager
def postgres_server() -> Iterator[tuple[str, str]]:
    """The directory of its socket, and its user. The server refuses to run as root."""
    initdb, pg_ctl = _postgres_program("initdb"), _postgres_program("pg_ctl")
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    account = pwd.getpwnam(user)
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as directory:
        os.chown(directory, account.pw_uid, account.pw_gid)
        others = () if os.geteuid() == 0 else None
        options = f"-k {directory} -c listen_addresses= -c fsync=off"

        def run(*argv: str) -> None:
            subprocess.run(
                argv,
                check=True,
                cwd=directory,
                stdout=subprocess.DEVNULL,
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=others,
            )

        run(initdb, "-D", f"{directory}/data", "-A", "trust", "-U", user, "-E", "UTF8", "-N", "--no-instructions")
        run(pg_ctl, "-D", f"{directory}/data", "-l", f"{directory}/log", "-o", options, "-w", "start")
        try:
            yield directory, user
        finally:
            run(pg_ctl, "-D", f"{directory}/data", "-m", "immediate", "-w", "stop")


def _postgres_program(name: str) -> str:
    """Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name) or pytest.skip(f"PostgreSQL's {name} is not installed")
