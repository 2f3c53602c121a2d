"""The manifests: what is in them and why, the API's schemas from 1.28 to 1.37, Kustomize, our own lint."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from procession.engines import files
from procession.engines.kubernetes.lint import lint
from procession.engines.kubernetes.options import Autoscale, Options
from procession.engines.kubernetes.render import render
from procession.stack.model import Limits, Listener, Probe, ProbeType, Process, Stack, StopStep
from tests.engines.kubernetes.stacks import BEAT, KUBECTL, MIGRATE, OPTIONS, WEB, WORKER, container, objects, stack

VERSIONS = [f"1.{minor}" for minor in range(28, 38)]
CUSTOM = ("keda.sh/", "gateway.networking.k8s.io/", "kustomize.config.k8s.io/")
FULL = replace(
    OPTIONS,
    host="mysite.example",
    ingress_class="nginx",
    tls_secret="mysite-tls",
    secret="mysite-env",
    write_secrets=True,
    writable=("/app/cache",),
    volumes=("media:/app/media",),
    pull_secret="registry",
    autoscale={
        "web": Autoscale(lowest=2, highest=6),
        "worker": Autoscale(trigger="redis", metadata={"listName": "celery", "listLength": "10"}),
    },
)
GATEWAY = replace(FULL, gateway="infra/public")
SECRETIVE = stack(MIGRATE, replace(WEB, environment={"SECRET_KEY": "hush", "A": "1"}), WORKER, BEAT)


def pod(process: Process, options: Options = OPTIONS) -> Any:
    return objects(stack(process), options)[f"Deployment mysite-{process.name}"]["spec"]["template"]["spec"]


def documents(site: Stack, options: Options) -> list[Any]:
    rendering = render(site, options)
    assert rendering.files, rendering.problems
    return [one for file in rendering.files for one in yaml.safe_load_all(file.text)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("options", [OPTIONS, FULL, GATEWAY], ids=["plain", "full", "gateway"])
def test_the_schemas_of_every_version_take_them(version: str, options: Options) -> None:
    for one in documents(SECRETIVE, replace(options, version=version)):
        if not one["apiVersion"].startswith(CUSTOM):
            kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("options", [OPTIONS, FULL])
def test_kustomize_takes_them(options: Options, tmp_path: Path) -> None:
    rendering = render(SECRETIVE, replace(options, namespace="live"))
    files.write(str(tmp_path), rendering.files, files.compare(rendering.files, {}, "mysite"))
    done = subprocess.run([KUBECTL, "kustomize", str(tmp_path)], capture_output=True, text=True, check=True)
    built = list(yaml.safe_load_all(done.stdout))
    assert len(built) == len(documents(SECRETIVE, options)) - 1  # all but the kustomization itself
    assert {one["metadata"]["namespace"] for one in built} == {"live"}


@pytest.mark.parametrize("options", [OPTIONS, FULL])
def test_our_own_lint_finds_nothing(options: Options) -> None:
    assert lint(list(objects(SECRETIVE, options).values()), SECRETIVE) == []


def test_the_same_stack_gives_the_same_bytes() -> None:
    assert render(SECRETIVE, FULL) == render(SECRETIVE, FULL)


def test_paths_and_addresses_are_those_of_the_image() -> None:
    assert container(WEB)["command"] == [
        *("python", "-m", "gunicorn", "mysite.wsgi:application", "--bind=0.0.0.0:8000"),
    ]
    told = replace(
        WEB, argv=(*WEB.argv, "--config=/srv/mysite/gunicorn.py", "/srv/mysite2/x"), directory="/srv/mysite/src"
    )
    assert container(told)["command"][-2:] == ["--config=/app/gunicorn.py", "/srv/mysite2/x"]
    assert container(told)["workingDir"] == "/app/src"


@pytest.mark.parametrize(
    ("words", "bind", "reached"),
    [
        (("--host=127.0.0.1", "--port=80"), "127.0.0.1:80", ["--host=0.0.0.0", "--port=80"]),
        (("--host", "127.0.0.1"), "127.0.0.1:80", ["--host", "0.0.0.0"]),
        (("-b", "[::1]:80"), "[::1]:80", ["-b", "[::]:80"]),
        (("--bind=10.0.0.1:80",), "10.0.0.1:80", ["--bind=10.0.0.1:80"]),
    ],
)
def test_a_loopback_address_is_opened(words: tuple[str, ...], bind: str, reached: list[str]) -> None:
    web = replace(WEB, argv=("server", *words), listeners=(Listener(bind),))
    assert container(web)["command"][1:] == reached


def test_web_is_rolled_one_by_one_and_keeps_serving() -> None:
    found = objects(stack(MIGRATE, WEB))
    spec = found["Deployment mysite-web"]["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert spec["template"]["spec"]["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 5 + 32 + 5
    assert found["PodDisruptionBudget mysite-web"]["spec"]["maxUnavailable"] == 1
    assert spec["template"]["spec"]["topologySpreadConstraints"][0]["whenUnsatisfiable"] == "ScheduleAnyway"


def test_before_130_a_hook_sleeps_by_itself() -> None:
    hook = container(WEB, replace(OPTIONS, version="1.29"))["lifecycle"]["preStop"]
    assert hook == {"exec": {"command": ["python", "-I", "-S", "-c", "import time; time.sleep(5)"]}}


def test_a_singleton_is_never_there_twice() -> None:
    spec = objects(stack(replace(BEAT, replicas=3)))["Deployment mysite-beat"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_a_workers_whole_ladder_is_gone_through() -> None:
    assert pod(WORKER)["terminationGracePeriodSeconds"] == 75
    assert container(WORKER)["lifecycle"]["preStop"]["exec"]["command"][-4:] == ["1", "0", "60", "3:10"]
    interrupted = replace(WORKER, stop=(StopStep("INT", 20.0),))
    assert container(interrupted)["lifecycle"]["preStop"]["exec"]["command"][-4:] == ["1", "0", "-", "2:20"]
    assert "lifecycle" not in container(BEAT)


def test_limits_and_requests() -> None:
    assert container(WORKER)["resources"] == {
        "requests": {"cpu": "100m", "memory": "4Gi"},
        "limits": {"cpu": "4000m", "memory": "4Gi"},
    }
    assert container(WEB)["resources"] == {"requests": {"cpu": "100m", "memory": "256Mi"}}
    assert container(replace(WEB, limits=Limits(cpu=0.05)))["resources"]["requests"]["cpu"] == "50m"


def test_a_readiness_is_asked_in_words_that_django_takes() -> None:
    found = container(WEB, replace(OPTIONS, host="mysite.example"))
    headers = [{"name": "Host", "value": "mysite.example"}, {"name": "X-Forwarded-Proto", "value": "https"}]
    assert found["readinessProbe"]["httpGet"] == {"path": "/health/", "port": 8000, "httpHeaders": headers}
    assert found["startupProbe"]["periodSeconds"] * found["startupProbe"]["failureThreshold"] == 60
    plain = container(replace(WEB, readiness=Probe()))["readinessProbe"]["httpGet"]
    assert plain["httpHeaders"] == [{"name": "Host", "value": "127.0.0.1:8000"}]
    named = container(replace(WEB, readiness=Probe(host="in.example")), replace(OPTIONS, host="mysite.example"))
    assert named["readinessProbe"]["httpGet"]["httpHeaders"][0]["value"] == "in.example"


def test_what_is_asked_until_it_is_ready_is_a_startup_probe_alone() -> None:
    found = container(replace(WEB, readiness=Probe(status_below=500, failures=0)))
    assert found["startupProbe"]["exec"]["command"][-7:] == ["8000", "/", "500", "", "5", "127.0.0.1:8000", ""]
    assert "readinessProbe" not in found


@pytest.mark.parametrize("type", [ProbeType.APP, ProbeType.NOTIFY])
def test_a_word_that_no_supervisor_hears_is_asked_for(type: ProbeType) -> None:
    found = container(replace(WEB, readiness=Probe(type=type)))
    assert "exec" in found["startupProbe"]
    assert "readinessProbe" not in found
    assert "startupProbe" not in container(replace(WORKER, readiness=Probe(type=type)))


def test_a_heartbeat_is_told_where_and_looked_for() -> None:
    found = container(WORKER)
    assert {"name": "PROCESSION_HEARTBEAT", "value": "/tmp/procession-heartbeat"} in found["env"]
    assert found["livenessProbe"]["exec"]["command"][-3:] == ["/tmp/procession-heartbeat", "60", "1"]
    assert (found["livenessProbe"]["periodSeconds"], found["livenessProbe"]["failureThreshold"]) == (15, 6)


def test_pods_are_restricted() -> None:
    spec = pod(WEB)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    low = replace(WEB, argv=("x", "0.0.0.0:80"), listeners=(Listener("0.0.0.0:80"),))
    assert pod(low)["securityContext"]["sysctls"] == [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]


def test_what_depends_on_a_migration_waits_for_the_database() -> None:
    waiting = objects(stack())["Deployment mysite-web"]["spec"]["template"]["spec"]["initContainers"][0]
    assert waiting["name"] == "wait-migrate"
    assert waiting["command"][5:] == ["python", "/app/manage.py", "migrate", "--noinput", "--check"]


def job_name(image: str, release: str = "") -> str:
    found = objects(stack(MIGRATE), Options(image=image, release=release))
    return next(name for name in found if name.startswith("Job mysite-migrate-"))


def test_a_task_is_a_job_named_by_what_it_is() -> None:
    assert job_name("a:1") == job_name("a:1")
    assert len({job_name("a:1"), job_name("a:2"), job_name("a:1", "again")}) == 3
    spec = objects(stack(MIGRATE))[job_name(OPTIONS.image or "")]["spec"]
    assert (spec["template"]["spec"]["restartPolicy"], spec["backoffLimit"]) == ("Never", 0)


def test_an_autoscaler_owns_the_replicas() -> None:
    found = objects(SECRETIVE, FULL)
    assert "replicas" not in found["Deployment mysite-web"]["spec"]
    assert found["HorizontalPodAutoscaler mysite-web"]["spec"]["maxReplicas"] == 6
    assert found["ScaledObject mysite-worker"]["spec"]["triggers"][0]["metadata"]["listName"] == "celery"


def test_the_host_name_leads_to_web() -> None:
    found = objects(SECRETIVE, FULL)
    rule = found["Ingress mysite"]["spec"]["rules"][0]
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "mysite-web", "port": {"name": "port-8000"}}
    route = objects(SECRETIVE, GATEWAY)["HTTPRoute mysite"]["spec"]
    assert route["parentRefs"] == [{"name": "public", "namespace": "infra"}]


def variable(found: Any, name: str) -> Any:
    return next(one for one in found["env"] if one["name"] == name)


def test_a_secret_is_named_and_never_written() -> None:
    web = replace(WEB, environment={"SECRET_KEY": "hush", "DATABASE_URL": "postgres://site:hush@db/site", "A": "1"})
    rendering = render(stack(MIGRATE, web), OPTIONS)
    assert not any("hush" in file.text for file in rendering.files)
    assert not any("hush" in line for problem in rendering.problems for line in problem.lines())
    reference = variable(container(web), "SECRET_KEY")["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "mysite-secrets", "key": "SECRET_KEY"}


def test_a_secret_is_written_where_that_is_asked_for_alone() -> None:
    rendering = render(SECRETIVE, FULL)
    written = [file for file in rendering.files if b64encode(b"hush").decode() in file.text]
    assert [(file.path, file.mode) for file in written] == [("secret.yaml", 0o600)]
    assert objects(SECRETIVE, FULL)["Secret mysite-secrets"]["data"] == {"web.SECRET_KEY": b64encode(b"hush").decode()}


@pytest.mark.parametrize("name", ["SECRET_KEY", "COLOR"])
def test_another_value_is_another_pod(name: str) -> None:
    site = [replace(one, environment={name: "x"}) for one in (MIGRATE, WEB)]
    other = [replace(one, environment={name: "y"}) for one in (MIGRATE, WEB)]
    options = replace(OPTIONS, write_secrets=True)
    pods = [objects(stack(*each), options)["Deployment mysite-web"]["spec"]["template"] for each in (site, other)]
    assert pods[0]["metadata"]["annotations"] != pods[1]["metadata"]["annotations"]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_value_gets_to_its_place(value: str) -> None:
    common = stack(*(replace(one, environment={"COLOR": value, "NAME": one.name + value}) for one in (WEB, BEAT)))
    found = {f"{one['kind']} {one['metadata']['name']}": one for one in documents(common, OPTIONS) if "metadata" in one}
    assert found["ConfigMap mysite-env"]["data"]["COLOR"] == value
    [beat] = found["Deployment mysite-beat"]["spec"]["template"]["spec"]["containers"]
    assert variable(beat, "NAME")["value"] == ("beat" + value).replace("$", "$$")
