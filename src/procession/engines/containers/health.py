"""A process's readiness as a health check: one command inside of its container, which needs Python and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from procession.engines.containers.inside import LOOPBACK
from procession.stack.model import Probe, ProbeType, Process

# In memory, and new at each start of a container: what a former life said is not believed.
READY_FILE: Final = "/dev/shm/procession-ready"
HEARTBEAT_FILE: Final = "/dev/shm/procession-heartbeat"
HEARTBEAT_SECONDS: Final = 60.0  # `Probe.max_age_seconds` 0 of a heartbeat is a minute
PYTHON: Final = ("python", "-I", "-S", "-c")
ALL: Final = frozenset({"", "*", "0.0.0.0", "[::]", "::"}) | LOOPBACK

HTTP = """\
import http.client as h,sys
c=h.HTTPConnection({host!r},{port},timeout={timeout:g})
{connect}c.request('GET',{path!r},headers={headers!r})
s=c.getresponse().status
sys.exit(0 if {good} else f'status {{s}}')"""
UNIX = """\
import socket
c.sock=socket.socket(socket.AF_UNIX)
c.sock.settimeout({timeout:g})
c.sock.connect({path!r})
"""
TCP = "import socket;socket.create_connection(({host!r},{port}),{timeout:g})"
TCP_UNIX = "import socket;s=socket.socket(socket.AF_UNIX);s.settimeout({timeout:g});s.connect({path!r})"
FILE = "import os,sys,time;a=time.time()-os.stat({file!r}).st_mtime;sys.exit({bad})"
TOLD = "os.stat({ready!r})"
# A heartbeat that is not there, or of 1970, says that nothing is to be judged (procession.django.heart).
BEATS = """\
import os,sys,time
{told}try:
 t=os.stat({beat!r}).st_mtime
except OSError:
 t=0
sys.exit(f'no heartbeat for {{time.time()-t:.0f}} s' if t and time.time()-t>{age:g} else 0)"""


def test_command(process: Process) -> tuple[str, ...]:
    """The command that says, by exit code 0, that the instance is well; () if there is nothing to ask."""
    if process.readiness.type is ProbeType.APP or _beats(process):
        return (*PYTHON, _told_and_beating(process))
    ask = ASK.get(process.readiness.type)
    return ask(process.readiness, process) if ask else ()


def environment(process: Process) -> Mapping[str, str]:
    """Where the Procession app in the site says that it is ready, and that its loop turns."""
    told = {"PROCESSION_NOTIFY": f"file:{READY_FILE}"} if process.readiness.type is ProbeType.APP else {}
    beat = {"PROCESSION_HEARTBEAT": HEARTBEAT_FILE} if _beats(process) else {}
    return {**told, **beat}


def _beats(process: Process) -> bool:
    return process.liveness is not None and process.liveness.type is ProbeType.HEARTBEAT


def _told_and_beating(process: Process) -> str:
    told = TOLD.format(ready=READY_FILE) if process.readiness.type is ProbeType.APP else ""
    if not _beats(process) or process.liveness is None:
        return f"import os;{told}"
    age = process.liveness.max_age_seconds or HEARTBEAT_SECONDS
    return BEATS.format(told=f"{told}\n" if told else "", beat=HEARTBEAT_FILE, age=age)


def _http(probe: Probe, process: Process) -> tuple[str, ...]:
    host, port = _address(probe, process)
    is_unix = host.startswith("unix:")
    headers = {"Host": probe.host or ("localhost" if is_unix else f"{host}:{port}"), "Connection": "close"}
    if probe.https:
        headers["X-Forwarded-Proto"] = "https"
    good = f"s in {probe.status!r}" if probe.status else f"s<{probe.status_below}"
    connect = UNIX.format(timeout=probe.timeout_seconds, path=host.removeprefix("unix:")) if is_unix else ""
    code = HTTP.format(
        host="localhost" if is_unix else host, port=port, timeout=probe.timeout_seconds, connect=connect,
        path=probe.path, headers=headers, good=good,
    )  # fmt: skip
    return (*PYTHON, code)


def _tcp(probe: Probe, process: Process) -> tuple[str, ...]:
    host, port = _address(probe, process)
    if host.startswith("unix:"):
        return (*PYTHON, TCP_UNIX.format(path=host.removeprefix("unix:"), timeout=probe.timeout_seconds))
    return (*PYTHON, TCP.format(host=host, port=port, timeout=probe.timeout_seconds))


def _address(probe: Probe, process: Process) -> tuple[str, int]:
    """Host and port as seen from inside; ("unix:/path", 0) for a unix socket."""
    address = probe.address or (process.listeners[0].bind if process.listeners else "")
    if address.startswith("unix:"):
        return address, 0
    host, _, port = address.rpartition(":")
    return ("127.0.0.1" if host in ALL else host.strip("[]")), int(port or 0)


def _exec(probe: Probe, _: Process) -> tuple[str, ...]:
    return probe.command


def _file(probe: Probe, process: Process) -> tuple[str, ...]:
    bad = f"f'last touched {{a:.0f}} s ago' if a>{probe.max_age_seconds:g} else 0" if probe.max_age_seconds else "0"
    return (*PYTHON, FILE.format(file=os.path.join(process.directory, probe.file), bad=bad))


ASK: Final[Mapping[ProbeType, Callable[[Probe, Process], tuple[str, ...]]]] = {
    ProbeType.HTTP: _http,
    ProbeType.TCP: _tcp,
    ProbeType.EXEC: _exec,
    ProbeType.FILE: _file,
}
