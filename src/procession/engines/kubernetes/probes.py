"""Our three questions as the kubelet's three probes.

- startup: asked until it is good once; if it is not within its time, the container is started again. That is also what
  `within_seconds` of a readiness means, so a readiness is asked twice: as startupProbe first.
- readiness that is asked only until it is ready (`failures` 0) is a startupProbe alone: then the pod counts as ready.
- the kubelet asks at the pod's address. Django would refuse that (ALLOWED_HOSTS), so each request names a host.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from procession.engines.kubernetes import inside, scripts
from procession.engines.kubernetes.environment import HEARTBEAT_FILE
from procession.engines.kubernetes.options import Options
from procession.engines.text.kubernetes import kubernetes_value
from procession.engines.text.yaml import Data
from procession.stack.model import Probe, ProbeType, Process, Stack
from procession.supervisor.linux.heartbeats import LONGEST_SECONDS

STARTUP_SECONDS = 2  # between two questions of a start, at most
GOOD_BELOW = 400  # what httpGet takes: 200 to 399
LOADED_BELOW = 500  # a server that answers "/" with 404 or 400 has loaded its site

Question = dict[str, Data]


def probes(process: Process, stack: Stack, options: Options) -> dict[str, Data]:
    """startupProbe, readinessProbe, livenessProbe: those that there is something to ask for."""
    ask = _asker(process, stack, options)
    found = {
        "startupProbe": _starting(process, ask),
        "readinessProbe": _going_on(process.readiness, ask) if process.readiness.failures else None,
        "livenessProbe": _going_on(process.liveness, ask) if process.liveness else None,
    }
    return {name: probe for name, probe in found.items() if probe}


def is_unheard(process: Process) -> bool:
    """Whether it says itself that it is ready, which nobody in a pod hears, and nothing else can be asked."""
    readiness = process.readiness
    return readiness.type is ProbeType.NOTIFY and closest(readiness, process).type is ProbeType.NONE


def closest(probe: Probe, process: Process) -> Probe:
    """What a pod can be asked in place of a word that only a supervisor hears (sd_notify, the site's own)."""
    if probe.type not in (ProbeType.NOTIFY, ProbeType.APP):
        return probe
    if inside.ports(process):
        return replace(probe, type=ProbeType.HTTP, path="/", status_below=LOADED_BELOW, failures=0)
    # A first heartbeat would not do: some pools of workers have none, and are never judged by it.
    return replace(probe, type=ProbeType.NONE)


def host_header(probe: Probe, process: Process, options: Options) -> str:
    """What the supervisor would say there, unless a host is declared: ALLOWED_HOSTS knows it already."""
    return probe.host or options.host or f"127.0.0.1:{port_of(probe, process)}"


def port_of(probe: Probe, process: Process) -> int:
    """Of the probe's own address, or of the first listener; 0: there is none."""
    return inside.port_of(probe.address) or next(iter(inside.ports(process)), 0)


def _starting(process: Process, ask: Callable[[Probe], Question]) -> Question:
    probe = closest(process.startup or process.readiness, process)
    question = ask(probe)
    period = max(1, min(STARTUP_SECONDS, math.floor(probe.interval_seconds)))
    times = max(1, math.ceil(probe.within_seconds / period))
    return question and {**question, **_timing(probe, period, times)}


def _going_on(probe: Probe, ask: Callable[[Probe], Question]) -> Question:
    if probe.type in (ProbeType.NOTIFY, ProbeType.APP):  # Only a start can be asked for in their place.
        return {}
    question = ask(probe)
    return question and {**question, **_timing(probe, max(1, round(probe.interval_seconds)), max(1, probe.failures))}


def _timing(probe: Probe, period: int, failures: int) -> Question:
    seconds = max(1, math.ceil(probe.timeout_seconds))
    return {"periodSeconds": period, "timeoutSeconds": seconds, "failureThreshold": failures}


def _asker(process: Process, stack: Stack, options: Options) -> Callable[[Probe], Question]:
    """What asks a probe: one way for each type; {} where there is nothing to ask."""
    ways: Mapping[ProbeType, Callable[[Probe], Question]] = {
        ProbeType.HTTP: lambda probe: _http(probe, process, options),
        ProbeType.TCP: lambda probe: _tcp(probe, process),
        ProbeType.EXEC: lambda probe: _execute(inside.moved(probe.command, stack, options)),
        ProbeType.FILE: lambda probe: _execute(_file(probe, process, stack, options)),
        ProbeType.HEARTBEAT: lambda probe: _execute(_heartbeat(probe, options)),
    }
    return lambda probe: ways[probe.type](probe) if probe.type in ways else {}


def _http(probe: Probe, process: Process, options: Options) -> Question:
    port, host = port_of(probe, process), host_header(probe, process, options)
    if not port:
        return {}
    if probe.status or probe.status_below != GOOD_BELOW:
        return _execute(_http_script(probe, port, host, options))
    headers: list[Data] = [{"name": "Host", "value": host}]
    if _is_secure(probe, options):
        headers.append({"name": "X-Forwarded-Proto", "value": "https"})
    return {"httpGet": {"path": probe.path, "port": port, "httpHeaders": headers}}


def _is_secure(probe: Probe, options: Options) -> bool:
    """Whether to say what a proxy with the site's certificate says: a redirect to https would count as good (below 400)
    and ask the site nothing.
    """
    return probe.https or bool(options.tls_secret)


def _http_script(probe: Probe, port: int, host: str, options: Options) -> list[str]:
    good = ",".join(str(status) for status in probe.status)
    limits = (str(probe.status_below), good, f"{probe.timeout_seconds:g}")
    return scripts.run(
        scripts.HTTP, options, str(port), probe.path, *limits, host, "https" if _is_secure(probe, options) else ""
    )


def _tcp(probe: Probe, process: Process) -> Question:
    port = port_of(probe, process)
    return {"tcpSocket": {"port": port}} if port else {}


def _file(probe: Probe, process: Process, stack: Stack, options: Options) -> list[str]:
    directory = inside.path(process.directory, stack, options)
    file = inside.path(probe.file, stack, options)
    place = file if file.startswith("/") else f"{directory.rstrip('/')}/{file}"
    return scripts.run(scripts.FILE, options, place, f"{probe.max_age_seconds:g}")


def _heartbeat(probe: Probe, options: Options) -> list[str]:
    longest = probe.max_age_seconds or LONGEST_SECONDS
    return scripts.run(scripts.HEARTBEAT, options, HEARTBEAT_FILE, f"{longest:g}", "1")


def _execute(command: tuple[str, ...] | list[str]) -> Question:
    return {"exec": {"command": list(_escaped(command))}}


def _escaped(command: tuple[str, ...] | list[str]) -> Iterator[str]:
    return (kubernetes_value(word) for word in command)
