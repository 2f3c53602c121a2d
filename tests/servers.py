"""A Redis and a PostgreSQL server of our own, for as long as a test needs them."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def redis_server(*options: str, through: tuple[str, ...] = ()) -> Iterator[str]:
    """The path of its socket; with `options`, it listens elsewhere, too. `through` is a program that execs it."""
    with tempfile.TemporaryDirectory(prefix="redis-") as directory:
        path = f"{directory}/redis.sock"
        with redis_at(path, *options, through=through):
            yield path


@contextmanager
def redis_at(path: str, *options: str, through: tuple[str, ...] = ()) -> Iterator[None]:
    """A server that knows nothing, at this socket, also where one was killed."""
    program = shutil.which("redis-server") or pytest.skip("redis-server is not installed")
    argv = [*through, program, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"]
    argv += ["--dir", os.path.dirname(path), *options]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        assert any("ready to accept connections" in line for line in server.stdout), "redis-server ended at once"
        yield
        server.terminate()
        server.stdout.read()


@contextmanager
def postgres_server() -> Iterator[tuple[str, str]]:
    """The directory of its socket, and its user. The server refuses to run as root."""
    initdb = _postgres_program("initdb")
    account = _postgres_account()
    user = account.pw_name
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as directory:
        os.chown(directory, account.pw_uid, account.pw_gid)
        words = ("-A", "trust", "-U", user, "-E", "UTF8", "-N", "--no-instructions")
        _run_for_postgres(directory, initdb, "-D", f"{directory}/data", *words)
        start_postgres(directory)
        try:
            yield directory, user
        finally:
            kill_postgres(directory)


def start_postgres(directory: str) -> None:
    """The server whose directory that is, as `postgres_server` gives it."""
    options = f"-k {directory} -c listen_addresses= -c fsync=off"
    words = ("-D", f"{directory}/data", "-l", f"{directory}/log", "-o", options, "-w", "start")
    _run_for_postgres(directory, _postgres_program("pg_ctl"), *words)


def kill_postgres(directory: str) -> None:
    """At once, as a crash would be."""
    words = ("-D", f"{directory}/data", "-m", "immediate", "-w", "stop")
    _run_for_postgres(directory, _postgres_program("pg_ctl"), *words)


def _run_for_postgres(directory: str, *argv: str) -> None:
    account = _postgres_account()
    subprocess.run(
        argv,
        check=True,
        cwd=directory,
        stdout=subprocess.DEVNULL,
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=() if os.geteuid() == 0 else None,
    )


def _postgres_account() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _postgres_program(name: str) -> str:
    """Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name) or pytest.skip(f"PostgreSQL's {name} is not installed")


@contextmanager
def rabbitmq_server() -> Iterator[str]:
    """Its URL. It listens on ports of its own, and so does the name server that Erlang starts beside it."""
    program = next(iter(sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))), None)
    if program is None:
        pytest.skip("rabbitmq-server is not installed")
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", ignore_cleanup_errors=True) as directory:
        port, names_port, nodes_port = free_ports(3)
        environment = {
            "PATH": os.environ["PATH"], "HOME": directory, "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names_port), "RABBITMQ_NODENAME": f"test-{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(nodes_port), "RABBITMQ_MNESIA_BASE": directory, "RABBITMQ_LOG_BASE": directory,
            "RABBITMQ_LOGS": "-", "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{directory}/config",
        }  # fmt: skip
        with subprocess.Popen([program], env=environment, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                assert any("Server startup complete" in line for line in server.stdout), "rabbitmq-server ended at once"
                yield f"amqp://guest:guest@127.0.0.1:{port}//"
            finally:
                server.terminate()
                server.communicate()
                subprocess.run(["epmd", "-kill"], env=environment, stdout=subprocess.DEVNULL, check=False)


def free_ports(count: int) -> list[int]:
    """All different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
