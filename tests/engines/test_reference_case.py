"""What a careful person writes by hand (docs/reasons/by-hand.md), and nothing of it is missing in what we render.

Each file is read by the engine's own parser, or a standard one, and asked for what it means.
"""

from __future__ import annotations

import json
import re
import shlex
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from supervisor.options import ServerOptions

from procession.engines.files import compare, write
from procession.sources.procfile import read_procfile
from procession.stack.model import Process, Stack
from tests.engines.reference import HOME, process_of, reference_stack, rendered, span_seconds, texts, unit

GIGABYTE = 2**30
SHELLS = ("sh", "bash", "/bin/sh", "/bin/bash")


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return reference_stack(tmp_path)


@dataclass(frozen=True, slots=True)
class Stop:
    """How an engine ends one process."""

    first_signal: str
    is_to_main_alone: bool
    seconds_until_kill: float
    kills_the_whole_tree: bool


# -------------------------------------------------------------------------------------------------------------- systemd
def systemd_unit(stack: Stack, name: str) -> dict[str, list[str]]:
    return unit(texts("systemd", stack)[name])


def test_systemd_has_what_a_careful_person_writes(stack: Stack) -> None:
    for name, memory, processors in (("web@", 2, "200%"), ("worker@", 4, "400%"), ("beat", 0, "")):
        said = systemd_unit(stack, f"myapp-{name}.service")
        assert (said["User"], said["Group"], said["WorkingDirectory"]) == (["www-data"], ["www-data"], [HOME])
        assert said["Restart"] == ["always"]
        assert said["StartLimitIntervalSec"] == ["0"]  # it never gives up in silence
        assert 0 < span_seconds(said["RestartSec"][0]) <= 10
        assert {"network.target", "postgresql.service", "redis-server.service"} <= set(said["After"][0].split())
        assert {"postgresql.service", "redis-server.service"} <= set(said["Wants"][0].split())
        assert said["MemoryMax"] == [str(memory * GIGABYTE)] if memory else "MemoryMax" not in said
        assert said.get("CPUQuota", [""]) == [processors]
        assert "MemoryLimit" not in said  # what guides say, and systemd has given up
        assert said.get("LimitNOFILE", ["4096"]) == ["4096"]
        assert said["EnvironmentFile"][0] == process_of(stack, "web").env_files[0]
        assert shlex.split(said["ExecStart"][0].lstrip(":"))[0] not in SHELLS
        assert said["NoNewPrivileges"] == ["yes"]


def test_systemd_reloads_holds_the_socket_and_knows_when_web_is_ready(stack: Stack) -> None:
    web = systemd_unit(stack, "myapp-web@.service")
    assert web["ExecReload"] == ["/bin/kill -s HUP $MAINPID"]
    assert web["Type"] == ["notify"]
    assert unit(texts("systemd", stack)["myapp-web.socket"])["ListenStream"] == ["0.0.0.0:8000"]
    assert "--bind" not in web["ExecStart"][0]


def test_systemd_groups_them_two_workers_and_one_beat_and_starts_them_at_boot(stack: Stack) -> None:
    target = unit(texts("systemd", stack)["myapp.target"])
    services = [name for name in target["Wants"][0].split() if name.endswith(".service")]
    assert services == [
        "myapp-web@1.service", "myapp-worker@1.service", "myapp-worker@2.service", "myapp-beat.service"
    ]  # fmt: skip
    assert target["WantedBy"] == ["multi-user.target"]
    for name in ("web@", "worker@", "beat"):
        assert systemd_unit(stack, f"myapp-{name}.service")["PartOf"] == ["myapp.target"]


def systemd_stop(stack: Stack, process: Process, _folder: Path) -> Stop:
    name = f"myapp-{process.name}{'' if process.singleton else '@'}.service"
    said = systemd_unit(stack, name)
    asked = [shlex.split(line.lstrip("-")) for line in said.get("ExecStop", ())]
    first = [words[2] for words in asked if words[0].endswith("/kill")] + [said["KillSignal"][0].removeprefix("SIG")]
    waits = [float(words[1]) for words in asked if words[0].endswith("/timeout")]
    last = span_seconds(said["TimeoutStopSec"][0])
    assert last >= max(waits, default=0.0)  # it bounds each ExecStop= as well
    is_mixed = said["KillMode"] == ["mixed"]
    return Stop(first[0], is_mixed, sum(waits) + last, is_mixed)


# ---------------------------------------------------------------------------------------------------------- supervisord
def supervisord_server(stack: Stack, folder: Path) -> ServerOptions:
    """What supervisord's own parser makes of the file, as it would be in `folder`."""
    files = rendered("supervisord", stack).files
    write(str(folder), files, compare(files, {}, "me"))
    (folder / "log").mkdir(exist_ok=True)
    server = ServerOptions()
    server.realize(["-n", "-c", str(folder / "supervisord.conf")])
    return server


def supervisord_instances(stack: Stack, folder: Path) -> dict[str, Any]:
    """What runs by itself, by its name: "web.1"; not what only holds a listener."""
    groups = supervisord_server(stack, folder).process_group_configs
    programs = {one.name: one for group in groups for one in group.process_configs}
    return {name: one for name, one in programs.items() if re.fullmatch(r"(web|worker|beat)\.[1-9]", name)}


def supervisord_program(stack: Stack, process: str, folder: Path) -> Any:
    return supervisord_instances(stack, folder)[f"{process}.1"]


def test_supervisord_has_what_a_careful_person_writes(stack: Stack, tmp_path: Path) -> None:
    instances = supervisord_instances(stack, tmp_path)
    assert sorted(instances) == ["beat.1", "web.1", "worker.1", "worker.2"]
    for one in instances.values():
        assert one.directory == HOME
        assert one.autostart
        assert one.autorestart
        assert one.redirect_stderr
        assert one.stdout_logfile == str(tmp_path / "log" / f"{one.name}.log")
        assert one.stdout_logfile_maxbytes > 0  # rotated,
        assert one.stdout_logfile_backups > 0  # and kept
        assert one.environment["DJANGO_SETTINGS_MODULE"] == "myproject.settings.prod"
        assert shlex.split(one.command)[0] not in SHELLS


def test_supervisord_is_the_sites_own_under_its_user_with_a_socket_for_nobody_else(
    stack: Stack, tmp_path: Path
) -> None:
    [socket] = supervisord_server(stack, tmp_path).server_configs  # no port on the network
    assert socket["chmod"] == 0o700
    boot = unit(texts("supervisord", stack)["myapp-supervisord.service"])
    assert boot["User"] == ["www-data"]
    assert " -n " in boot["ExecStart"][0]  # it must not go into the background
    assert boot["WantedBy"] == ["multi-user.target"]
    longest = max(process.stop_seconds for process in stack.processes)
    assert span_seconds(boot["TimeoutStopSec"][0]) >= longest
    assert boot["KillMode"] == ["mixed"]


def test_supervisord_holds_the_listener_and_says_what_it_cannot_do(stack: Stack, tmp_path: Path) -> None:
    web = supervisord_program(stack, "web", tmp_path)
    assert "--bind" not in web.command
    groups = supervisord_server(stack, tmp_path).process_group_configs
    assert [group.socket_config.url for group in groups if hasattr(group, "socket_config")] == ["tcp://0.0.0.0:8000"]
    said = {problem.where for problem in rendered("supervisord", stack).problems}
    assert {"web.limits.memory", "web.limits.cpu", "worker.limits.memory", "worker.limits.cpu"} <= said


def test_supervisord_gives_web_and_worker_their_files(stack: Stack, tmp_path: Path) -> None:
    for name in ("web", "worker"):
        words = shlex.split(supervisord_program(stack, name, tmp_path).command)
        told = json.loads(words[words.index(next(word for word in words if word.startswith("{")))])
        assert told["limits"]["NOFILE"] == 4096
        assert told["env_files"] == list(process_of(stack, name).env_files)


def supervisord_stop(stack: Stack, process: Process, folder: Path) -> Stop:
    one = supervisord_program(stack, process.name, folder)
    name = signal.Signals(one.stopsignal).name.removeprefix("SIG")
    return Stop(name, not one.stopasgroup, one.stopwaitsecs, one.killasgroup)


# ---------------------------------------------------------------------------------------------------- Compose and Swarm
def compose_file(engine: str, stack: Stack) -> Any:
    return yaml.safe_load(texts(engine, stack)["compose.yaml"])


@pytest.mark.parametrize("engine", ["compose", "swarm"])
def test_containers_have_what_a_careful_person_writes(engine: str, stack: Stack) -> None:
    services = compose_file(engine, stack)["services"]
    for name, memory, processors in (("web", 2, 2.0), ("worker", 4, 4.0), ("beat", 0, 0.0)):
        service = services[name]
        assert service["init"] is True  # something has to reap what dies
        assert service["command"][0] not in SHELLS
        assert isinstance(service["command"], list)
        assert service["environment"]["DJANGO_SETTINGS_MODULE"] == "myproject.settings.prod"
        assert service["environment"]["DATABASE_URL"].endswith("@db:5432/myapp")
        assert service["environment"]["BROKER_URL"] == "redis://redis:6379/0"
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}  # Docker keeps all of it, else
        assert service["cap_drop"] == ["ALL"]
        limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
        assert limits.get("memory", "0M") == f"{memory * 1024}M"
        assert float(limits.get("cpus", 0)) == processors
        assert service.get("ulimits", {"nofile": 4096}) == {"nofile": 4096}
    assert services["worker"]["deploy"]["replicas"] == 2
    assert services["beat"].get("deploy", {}).get("replicas", 1) == 1
    test = " ".join(services["web"]["healthcheck"]["test"])
    assert "/health/" in test
    assert "curl" not in test  # a slim image has none
    assert services["web"]["healthcheck"].keys() >= {"interval", "timeout", "retries", "start_period"}


@pytest.mark.parametrize("engine", ["compose", "swarm"])
def test_containers_have_their_stores_with_data_that_outlive_them(engine: str, stack: Stack) -> None:
    whole = compose_file(engine, stack)
    db, redis = whole["services"]["db"], whole["services"]["redis"]
    assert set(whole["volumes"]) >= {"db", "redis"}
    assert db["image"].startswith("postgres:")
    assert db["volumes"] == ["db:/var/lib/postgresql/data"]
    assert redis["volumes"] == ["redis:/data"]
    assert db["environment"]["POSTGRES_PASSWORD"].startswith("${DB_PASSWORD:?")  # not in the file
    assert db["healthcheck"]["test"][1] == "pg_isready"
    assert redis["healthcheck"]["test"][1:] == ["redis-cli", "ping"]
    assert not db.get("ports")
    assert not redis.get("ports")


def test_compose_waits_restarts_separates_and_has_a_front(stack: Stack) -> None:
    whole = compose_file("compose", stack)
    services = whole["services"]
    assert "version" not in whole  # Compose says that it is obsolete
    for name in ("web", "worker", "beat"):
        assert services[name]["restart"] == "unless-stopped"
        assert services[name]["depends_on"] == {
            "db": {"condition": "service_healthy"},
            "redis": {"condition": "service_healthy"},
        }
    assert not services["web"].get("ports")  # nginx is what the world sees
    assert services["front"]["ports"] == ["80:80"]
    assert services["front"]["depends_on"] == {"web": {"condition": "service_healthy"}}
    assert services["db"]["networks"] == ["back"]
    assert whole["networks"]["back"] == {"internal": True}
    assert "back" not in services["front"].get("networks", [])


def test_the_image_is_slim_built_in_stages_and_not_roots(stack: Stack) -> None:
    files = texts("compose", stack)
    lines = files["Dockerfile"].splitlines()
    assert [line for line in lines if line.startswith("FROM python:")] == [
        "FROM python:3.13-slim AS build", "FROM python:3.13-slim AS site"
    ]  # fmt: skip
    assert any(line.startswith("USER ") and "root" not in line for line in lines)
    assert any("collectstatic" in line for line in lines if line.startswith("RUN "))
    assert any(line.startswith("CMD [") for line in lines)  # no shell in front of the program
    assert {".git", "**/.env", ".venv"} <= set(files["Dockerfile.dockerignore"].split())


def test_swarm_updates_the_right_way_round(stack: Stack) -> None:
    services = compose_file("swarm", stack)["services"]
    for name, order in (("web", "start-first"), ("worker", "start-first"), ("beat", "stop-first")):
        deploy = services[name]["deploy"]
        assert deploy["update_config"]["order"] == order
        assert deploy["update_config"]["failure_action"] == "rollback"
        assert deploy["rollback_config"]["order"] == order
        assert deploy["restart_policy"]["condition"] == "any"
    assert services["db"]["deploy"]["update_config"]["order"] == "stop-first"


def container_stop(engine: str, stack: Stack, process: Process) -> Stop:
    service = compose_file(engine, stack)["services"][process.name]
    # docker-init passes a signal on to its child alone; the end of a container is the end of all that is in it.
    return Stop(
        service["stop_signal"].removeprefix("SIG"),
        service["init"] and service["command"][0] not in SHELLS,
        span_seconds(service["stop_grace_period"]),
        True,
    )


# ----------------------------------------------------------------------------------------------------------- Kubernetes
def manifests(stack: Stack) -> dict[str, Any]:
    """By "Kind name"."""
    files = texts("kubernetes", stack)
    found = [one for path, text in files.items() if path != "kustomization.yaml" for one in yaml.safe_load_all(text)]
    return {f"{one['kind']} {one['metadata']['name']}": one for one in found}


def test_kubernetes_has_what_a_careful_person_writes(stack: Stack) -> None:
    found = manifests(stack)
    for name, memory, processors in (("web", "2Gi", "2000m"), ("worker", "4Gi", "4000m"), ("beat", None, None)):
        pod = found[f"Deployment myapp-{name}"]["spec"]["template"]
        [container] = pod["spec"]["containers"]
        limits = container["resources"].get("limits", {})
        assert (limits.get("memory"), limits.get("cpu")) == (memory, processors)
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
        }  # fmt: skip
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
        assert container["image"] == "registry.example/myapp:1.4"  # a tag of its own
        assert {"secretRef": {"name": "myapp-env"}} in container["envFrom"]
        assert "checksum/config" in pod["metadata"]["annotations"]
        assert pod["metadata"]["labels"].keys() >= {
            "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component",
            "app.kubernetes.io/version", "app.kubernetes.io/managed-by",
        }  # fmt: skip


def test_kubernetes_keeps_web_answering_and_beat_alone(stack: Stack) -> None:
    found = manifests(stack)
    web, worker, beat = (found[f"Deployment myapp-{name}"]["spec"] for name in ("web", "worker", "beat"))
    assert web["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert (beat["replicas"], beat["strategy"]) == (1, {"type": "Recreate"})
    assert worker["replicas"] == 2
    assert "topologySpreadConstraints" in worker["template"]["spec"]
    [container] = web["template"]["spec"]["containers"]
    assert container["startupProbe"]["httpGet"]["path"] == "/health/"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/"
    # The kubelet asks at the pod's address, which ALLOWED_HOSTS does not have.
    assert {"name": "Host", "value": "myapp.example"} in container["readinessProbe"]["httpGet"]["httpHeaders"]
    assert container["lifecycle"]["preStop"]  # it answers until every proxy knows that it goes
    [busy] = worker["template"]["spec"]["containers"]
    assert "livenessProbe" in busy
    assert "Service myapp-worker" not in found
    assert "Service myapp-web" in found
    assert found["Ingress myapp"]["spec"]["rules"][0]["host"] == "myapp.example"
    assert found["HorizontalPodAutoscaler myapp-web"]["spec"]["minReplicas"] == 2
    assert found["PodDisruptionBudget myapp-web"]["spec"]["maxUnavailable"] == 1
    assert "PodDisruptionBudget myapp-worker" in found


def kubernetes_stop(stack: Stack, process: Process, _folder: Path) -> Stop:
    pod = manifests(stack)[f"Deployment myapp-{process.name}"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    wait = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    is_alone = container["command"][0] not in SHELLS
    return Stop("TERM", is_alone, pod["terminationGracePeriodSeconds"] - wait, True)


# ------------------------------------------------------------------------------------------------- the stop, everywhere
STOPS = {
    "systemd": systemd_stop,
    "supervisord": supervisord_stop,
    "compose": lambda stack, process, _: container_stop("compose", stack, process),
    "swarm": lambda stack, process, _: container_stop("swarm", stack, process),
    "kubernetes": kubernetes_stop,
}


@pytest.mark.parametrize("engine", STOPS)
@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_a_stop_lets_work_end(engine: str, name: str, stack: Stack, tmp_path: Path) -> None:
    """A TERM to the whole group loses Celery's tasks (its children die of it); 10 seconds, Docker's and supervisord's
    default, cut off every longer one.
    """
    process = process_of(stack, name)
    stop = STOPS[engine](stack, process, tmp_path)
    assert stop.first_signal == process.stop[0].signal == "TERM"
    assert stop.is_to_main_alone
    assert stop.kills_the_whole_tree
    assert stop.seconds_until_kill >= process.stop_seconds
    assert name == "beat" or stop.seconds_until_kill > 10


def test_the_workers_own_ladder_is_what_celery_needs(stack: Stack) -> None:
    worker = process_of(stack, "worker")
    assert [step.signal for step in worker.stop] == ["TERM", "QUIT"]  # warm, then cold: late-acknowledged tasks go back
    assert worker.stop[0].seconds == 60
    assert "-B" not in worker.argv  # each replica would bring a beat of its own


def test_one_container_waits_for_all_of_them(tmp_path: Path) -> None:
    stack = reference_stack(tmp_path, {"compose": {"FORM": "one"}})
    service = compose_file("compose", stack)["services"]["site"]
    assert service["command"][-1] == "supervise"
    longest = max(process.stop_seconds for process in stack.processes)
    assert span_seconds(service["stop_grace_period"]) >= longest
    assert "state:/app/.procession" in service["volumes"]


# ------------------------------------------------------------------------------------------------------------- Procfile
def test_a_procfile_has_the_three_and_says_what_it_leaves_out(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text(texts("procfile", stack)["Procfile"])
    read = read_procfile(str(path), {}).processes
    assert list(read) == ["web", "worker", "beat"]
    said = {problem.where for problem in rendered("procfile", stack).problems}
    assert {"web.user", "worker.replicas"} <= said
