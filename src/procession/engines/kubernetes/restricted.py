"""The restricted Pod Security Standard, rule by rule, of a pod's spec (kubernetes.io, Pod Security Standards, 1.37).

A namespace that enforces it refuses a pod that breaks one; restricted is all of baseline, and the last four rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

Part = Mapping[str, Any]

HOST = ("hostNetwork", "hostPID", "hostIPC")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
HOOKS = ("postStart", "preStop")
ASKS = ("httpGet", "tcpSocket")
VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
SYSCTLS = frozenset(
    {
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
        *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    }
)
SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
PROFILES = frozenset({"RuntimeDefault", "Localhost"})


def violations(pod: Part) -> list[str]:
    """What a namespace with `pod-security.kubernetes.io/enforce: restricted` would refuse `pod` for, a spec."""
    return [found for rule in (*BASELINE, *RESTRICTED) for found in rule(pod)]


def _host(pod: Part) -> Iterator[str]:
    yield from (f"{key} is the node's own" for key in HOST if pod.get(key))
    for name, context in _contexts(pod):
        if context.get("windowsOptions", {}).get("hostProcess"):
            yield f"{name} is a process of the node"


def _privileged(pod: Part) -> Iterator[str]:
    yield from (f"{name} is privileged" for name, context in _contexts(pod) if context.get("privileged"))


def _ports(pod: Part) -> Iterator[str]:
    for one in _containers(pod):
        if any(port.get("hostPort") for port in one.get("ports", [])):
            yield f"{one['name']} takes a port of the node"


def _asked_hosts(pod: Part) -> Iterator[str]:
    """From 1.34 on: a probe or hook that names a host makes the kubelet ask that one."""
    for one in _containers(pod):
        handlers = [(key, one.get(key, {})) for key in PROBES]
        handlers += [(key, one.get("lifecycle", {}).get(key, {})) for key in HOOKS]
        for key, handler in handlers:
            if any(handler.get(way, {}).get("host") for way in ASKS):
                yield f"{key} of {one['name']} asks another host than its pod"


def _modules(pod: Part) -> Iterator[str]:
    """AppArmor, SELinux, and what /proc shows."""
    for name, context in _contexts(pod):
        if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in PROFILES:
            yield f"{name} has no AppArmor profile"
        selinux = context.get("seLinuxOptions", {})
        if selinux.get("type", "") not in SELINUX or selinux.get("user") or selinux.get("role"):
            yield f"{name} chooses its SELinux context"
        if context.get("procMount", "Default") != "Default":
            yield f"{name} sees all of /proc"


def _sysctls(pod: Part) -> Iterator[str]:
    for one in pod.get("securityContext", {}).get("sysctls", []):
        if one["name"] not in SYSCTLS:
            yield f"the sysctl {one['name']} is none of the safe ones"


def _volumes(pod: Part) -> Iterator[str]:
    for one in pod.get("volumes", []):
        if not one.keys() & VOLUMES:
            yield f"the volume {one['name']} is of a kind that is not allowed"


def _escalation(pod: Part) -> Iterator[str]:
    for one in _containers(pod):
        context = one.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{one['name']} may gain rights"
        capabilities = context.get("capabilities", {})
        if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
            yield f"{one['name']} has capabilities"


def _users(pod: Part) -> Iterator[str]:
    of_pod = pod.get("securityContext", {})
    for one in _containers(pod):
        if {**of_pod, **one.get("securityContext", {})}.get("runAsNonRoot") is not True:
            yield f"{one['name']} may run as root"
    yield from (f"{name} runs as root" for name, context in _contexts(pod) if context.get("runAsUser") == 0)


def _seccomp(pod: Part) -> Iterator[str]:
    of_pod = pod.get("securityContext", {})
    for one in _containers(pod):
        profile = {**of_pod, **one.get("securityContext", {})}.get("seccompProfile", {})
        if profile.get("type") not in PROFILES:
            yield f"{one['name']} has no seccomp profile"


Rule = Callable[[Part], Iterator[str]]
BASELINE: Final[Sequence[Rule]] = (_host, _privileged, _ports, _asked_hosts, _modules, _sysctls)
RESTRICTED: Final[Sequence[Rule]] = (_volumes, _escalation, _users, _seccomp)


def _containers(pod: Part) -> list[Part]:
    return [*pod.get("initContainers", []), *pod.get("ephemeralContainers", []), *pod["containers"]]


def _contexts(pod: Part) -> list[tuple[str, Part]]:
    """The security context of the pod, and of each container."""
    own = [(str(one["name"]), one.get("securityContext", {})) for one in _containers(pod)]
    return [("the pod", pod.get("securityContext", {})), *own]
