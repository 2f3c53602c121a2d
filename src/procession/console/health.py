"""`procession health`: is the site ready? A container's probe runs it every few seconds, so it imports little."""

from __future__ import annotations

import argparse
import os
import socket
import time

from procession.console import text
from procession.console.talk import duration
from procession.control import wire
from procession.refusal import ExitCode, Refusal
from procession.supervisor.linux.addresses import parse_address, reachable

SUMMARY = "Ask the site whether it is ready, for a container's probe"
EXAMPLES = ("procession health", "procession health 127.0.0.1:8000", "procession health --live unix:/run/site.sock")
DETAILS = """\
WHERE is an address, a URL, or a process's name. If not said: $PROCESSION_HEALTH, else the first address of the process
that it runs in or of the site, as the supervisor knows it, else $PORT on loopback. Within an instance that has a
heartbeat and no address, its heartbeat is looked at.
Exit codes: 0 ready, 1 not ready or no answer."""
VARIABLE = "PROCESSION_HEALTH"
READY, LIVE = "/-/ready", "/-/live"
HTTP = "http://"
NO_PAGE = "put procession.django.health.HealthMiddleware first in MIDDLEWARE; or name a page of the site's: --path"
ANSWER_BYTES_MAX = 64 << 10
TIMEOUT_SECONDS = 5.0
HEARTBEAT_SECONDS_MAX = 60.0  # as `supervisor.linux.heartbeats` judges it where nothing else is said


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("where", nargs="?", default="", metavar="WHERE", help="127.0.0.1:8000, unix:/path, a URL, web")
    parser.add_argument("--path", default="", help=f"what to ask for (default: {READY})")
    parser.add_argument("--live", action="store_true", help=f"ask for {LIVE}: does it answer at all?")
    parser.add_argument("--host", default="localhost", help="the Host header, for a page of the site's own")
    parser.add_argument(
        "--https", action="store_true", help="say X-Forwarded-Proto: https, for a page that redirects to it"
    )
    parser.add_argument("--timeout", metavar="TIME", type=duration, default=TIMEOUT_SECONDS, help="default: 5s")


def run(options: argparse.Namespace) -> int:
    where = options.where or os.environ.get(VARIABLE, "")
    if not where and not _has_address() and os.environ.get("PROCESSION_HEARTBEAT"):
        return _look_at_heartbeat(os.environ["PROCESSION_HEARTBEAT"])
    if where.startswith(HTTP):
        where, slash, path = where.removeprefix(HTTP).partition("/")
        options.path = options.path or (slash + path)
        where = where if ":" in where else f"{where}:80"
    options.path = options.path or (LIVE if options.live else READY)
    if ":" not in where:
        where = _of_process(where, options)
    return _report(where, options)


def _report(where: str, options: argparse.Namespace) -> int:
    what = f"GET {options.path} at {where}"
    try:
        status, body = ask(where, options)
    except TimeoutError:
        raise Refusal(f"{what}: no answer within {options.timeout:g} s", code=ExitCode.NOT_SO) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise Refusal(f"{what}: {why}", code=ExitCode.NOT_SO) from error
    if status >= 400:
        fix = NO_PAGE if status == 404 and options.path in (READY, LIVE) else ""
        raise Refusal(f"{what} gave {status}{_reasons(body)}", fix, code=ExitCode.NOT_SO)
    print("live" if options.path == LIVE else "ready")
    return ExitCode.DONE


def ask(where: str, options: argparse.Namespace) -> tuple[int, bytes]:
    """The status and the body of the answer. Raises OSError (TimeoutError), or ValueError for what is no HTTP."""
    deadline = time.monotonic() + options.timeout
    address = reachable(parse_address(where))
    with socket.socket(address.family, socket.SOCK_STREAM) as caller:
        caller.settimeout(options.timeout)
        caller.connect(address.place)
        caller.sendall(_request(options))
        data = b""
        while len(data) < ANSWER_BYTES_MAX:
            caller.settimeout(max(0.001, deadline - time.monotonic()))
            more = caller.recv(ANSWER_BYTES_MAX)
            if not more:
                break
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    fields = head.split(b"\n", 1)[0].split()
    if len(fields) < 2 or not fields[0].startswith(b"HTTP/") or not fields[1].isdigit():
        raise ValueError("closed without an answer" if not data else "what answered does not speak HTTP")
    return int(fields[1]), body


def _request(options: argparse.Namespace) -> bytes:
    """Of HTTP/1.0, so that the answer comes whole, and ends with the connection."""
    secure = "X-Forwarded-Proto: https\r\n" if options.https else ""
    lines = f"GET {options.path} HTTP/1.0\r\nHost: {options.host}\r\nUser-Agent: procession\r\n{secure}"
    return f"{lines}Connection: close\r\n\r\n".encode()


def _reasons(body: bytes) -> str:
    """`: database: OperationalError: ...`; "" where the answer does not say."""
    import json  # here, because a site that is ready needs none of it

    try:
        checks = json.loads(body)["checks"]
        wrong = [f"{name}: {check['status']}" for name, check in checks.items() if check["status"] != "ok"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {'; '.join(wrong)}" if wrong else ""


def _of_process(name: str, options: argparse.Namespace) -> str:
    """Where the process `name` listens; without a name, the one that we run in, else the first that listens."""
    if os.path.exists(os.path.join(options.stack_directory, wire.SOCKET_NAME)):
        from procession.control.client import Client  # here, because a container most often has no supervisor

        with Client(options.stack_directory) as client:
            processes = client.call("status", timeout_seconds=options.timeout).data["processes"]
        return _listener([each for each in processes if each["listeners"]], name)
    if not name and os.environ.get("PORT", "").isdecimal():
        return f"127.0.0.1:{os.environ['PORT']}"
    raise Refusal(
        "where does the site listen?",
        f"say it: procession health 127.0.0.1:8000, or {VARIABLE}=127.0.0.1:8000 in the environment",
        code=ExitCode.USAGE,
    )


def _listener(processes: list[wire.Message], name: str) -> str:
    wanted = name or os.environ.get("PROCESSION_PROCESS", "")
    found = [each for each in processes if each["name"] == wanted] or (processes if not name else [])
    if not found:
        names = [str(each["name"]) for each in processes]
        known = text.suggestion(name, names) or f"; those that do: {', '.join(names) or 'none'}"
        raise Refusal(f"no process {name!r} that listens{known}" if name else "no process listens", code=ExitCode.USAGE)
    return str(found[0]["listeners"][0])


def _has_address() -> bool:
    """Whether the process that we run in listens: it was handed its sockets, or told a port."""
    return bool(os.environ.get("LISTEN_FDS") or os.environ.get("PORT"))


def _look_at_heartbeat(path: str) -> int:
    try:
        changed = os.stat(path).st_mtime
    except OSError:
        changed = 0.0
    age_seconds = time.time() - changed
    if changed and age_seconds > HEARTBEAT_SECONDS_MAX:
        raise Refusal(f"its last heartbeat was {age_seconds:.0f} s ago ({path})", code=ExitCode.NOT_SO)
    print("live" if changed else "no heartbeat yet")
    return ExitCode.DONE
