"""The verbs as the exact commands that they are; what comes back is given by hand, as no cluster could be had."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from procession.engines import files, registry
from procession.engines.base import Asked
from procession.engines.kubernetes import ENGINE
from procession.engines.kubernetes.options import Autoscale
from procession.engines.kubernetes.render import render
from procession.engines.kubernetes.verbs import CANNOT, VERBS, apply, directory
from procession.engines.needs import require
from procession.engines.steps import TIMED_OUT, Await, Command, News, Put, Show, Step, Steps, drive
from procession.refusal import Refusal
from procession.run import NO_SUCH_PROGRAM, Done
from tests.engines.kubernetes.stacks import BEAT, MIGRATE, OPTIONS, WEB, WORKER, objects, stack

KINDS = "deployments,services,ingresses,horizontalpodautoscalers,poddisruptionbudgets,configmaps,secrets,jobs"
OURS = "app.kubernetes.io/managed-by=procession,app.kubernetes.io/instance=mysite"
SELECT = f"--selector={OURS}"
SITE = stack(MIGRATE, WEB, BEAT)
ASKED = Asked(stack=SITE, options=OPTIONS, directory="/manifests")
APPLY = "kubectl apply --server-side --field-manager=procession --force-conflicts"
JOB = next(name.removeprefix("Job ") for name in objects(SITE) if name.startswith("Job "))
COMPLETE = json.dumps({"kind": "Job", "status": {"conditions": [{"type": "Complete", "status": "True"}]}})
FAILED = json.dumps({"kind": "Job", "status": {"conditions": [{"type": "Failed", "status": "True"}]}})
Answers = Mapping[str, Done]


def perform(steps: Steps[None], answers: Answers | None = None, said: list[str] | None = None) -> list[str]:
    """Every command's text, put into `said`; the answer is the first whose key is in it, else all is well."""
    said = [] if said is None else said
    try:
        step = next(steps)
        while True:
            step = steps.send(_answer(step, said, answers or {}))
    except StopIteration:
        return said


def _answer(step: Step, said: list[str], answers: Answers) -> Done:
    if isinstance(step, News | Put):
        said.append(f"# {step.text if isinstance(step, News) else step.path}")
        return Done(0)
    text = f"await {step.look.text()}" if isinstance(step, Await) else _command_of(step).text()
    said.append(text)
    done = next((done for key, done in answers.items() if key in text), Done(0))
    assert not isinstance(step, Await) or step.holds(done) or done.status == TIMED_OUT
    if isinstance(step, Show):
        said += [" ".join(record) for record in step.read(done.stdout.splitlines(keepends=True))]
    return done


def _command_of(step: Command | Show) -> Command:
    return step.command if isinstance(step, Show) else step


def verb(name: str, *names: str, **more: Any) -> list[str]:
    return perform(VERBS[name](replace(ASKED, names=names, **more)))


DONE: Answers = {"get job/": Done(0, COMPLETE)}


def test_apply() -> None:
    there = f"deployment.apps/mysite-web\nservice/mysite-web\ndeployment.apps/mysite-old\njob.batch/{JOB}"
    missing = Done(1, "", 'error: the server doesn\'t have a resource type "scaledobjects"')
    answers = {**DONE, f"get {KINDS}": Done(0, there), "scaledobjects": missing, "httproutes": missing}
    assert perform(apply(ASKED), answers) == [
        "kubectl diff --server-side --field-manager=procession --force-conflicts -f -",
        f"{APPLY} -f /manifests/config.yaml",
        f"kubectl get job/{JOB} -o json --ignore-not-found",
        f"{APPLY} -f /manifests/job-migrate.yaml",
        f"await kubectl get job/{JOB} -o json",
        "# migrate: done",
        f"{APPLY} -k /manifests",
        f"kubectl get {KINDS} {SELECT} -o name",
        "kubectl delete deployment.apps/mysite-old",
        f"kubectl get scaledobjects.keda.sh {SELECT} -o name",
        f"kubectl get httproutes.gateway.networking.k8s.io {SELECT} -o name",
        "kubectl rollout status deployment/mysite-web --timeout=1200s",
        "# web: ready",
        "kubectl rollout status deployment/mysite-beat --timeout=600s",
        "# beat: ready",
    ]


def test_a_task_that_failed_before_runs_again() -> None:
    said: list[str] = []
    with pytest.raises(Refusal, match="migrate failed"):
        perform(apply(ASKED), {"get job/": Done(0, FAILED)}, said)
    assert said[3:5] == [f"kubectl delete job/{JOB}", f"{APPLY} -f /manifests/job-migrate.yaml"]


def test_the_secret_is_there_before_the_tasks() -> None:
    site = stack(MIGRATE, replace(WEB, environment={"SECRET_KEY": "hush"}))
    said = perform(apply(replace(ASKED, stack=site, options=replace(OPTIONS, write_secrets=True))), DONE)
    assert said[1] == f"{APPLY} -f /manifests/secret.yaml"
    assert not any("hush" in text for text in said)


def test_the_diff_is_of_what_would_be_applied_even_in_a_dry_run() -> None:
    diff = next(apply(ASKED))
    assert isinstance(diff, Command)
    assert diff.looks
    assert "name: mysite-web" in diff.given


def test_a_failed_task_ends_an_apply_before_anything_else_is_changed() -> None:
    said: list[str] = []
    with pytest.raises(Refusal, match="migrate failed; what runs already was not changed"):
        perform(apply(ASKED), {"get job/": Done(0, FAILED)}, said)
    assert not any("-k" in text for text in said)


def test_a_task_that_takes_too_long() -> None:
    with pytest.raises(Refusal, match="migrate: not done within 3600 s"):
        perform(apply(ASKED), {"get job/": Done(TIMED_OUT)})


def test_an_apply_that_is_refused_says_why() -> None:
    with pytest.raises(Refusal, match="is forbidden"):
        perform(apply(ASKED), {**DONE, "-k /manifests": Done(1, "", 'Error: deployments "x" is forbidden')})


def test_a_deployment_that_does_not_become_ready() -> None:
    late = Done(1, "", "error: timed out waiting for the condition")
    with pytest.raises(Refusal, match=r"web: error: timed out .* its old pods go on") as refused:
        perform(apply(ASKED), {**DONE, "rollout status": late})
    assert refused.value.fix == "see why: procession logs web; go back: kubectl rollout undo deployment/mysite-web"


@pytest.mark.parametrize("name", ["roll", "restart"])
def test_roll(name: str) -> None:
    assert verb(name, "web") == [
        "kubectl rollout restart deployment/mysite-web",
        "kubectl rollout status deployment/mysite-web --timeout=1200s",
        "# web: rolled",
    ]


def test_a_roll_that_fails_goes_back() -> None:
    said: list[str] = []
    with pytest.raises(Refusal, match="web: error: timed out"):
        perform(VERBS["roll"](replace(ASKED, names=("web",))), {"status": Done(1, "", "error: timed out")}, said)
    assert said[-1] == "kubectl rollout undo deployment/mysite-web"


def test_stop_and_start() -> None:
    assert verb("stop") == [
        "kubectl scale --replicas=0 deployment/mysite-web",
        "kubectl scale --replicas=0 deployment/mysite-beat",
    ]
    assert verb("start", "web") == [
        "kubectl scale --replicas=2 deployment/mysite-web",
        "kubectl rollout status deployment/mysite-web --timeout=1200s",
        "# web: ready",
    ]


def test_keda_is_told_to_leave_it_alone() -> None:
    scale = Autoscale(trigger="redis", metadata={"listName": "celery"})
    asked = Asked(stack=stack(WORKER), options=replace(OPTIONS, autoscale={"worker": scale}), directory="/manifests")
    pause = "kubectl annotate --overwrite scaledobject/mysite-worker autoscaling.keda.sh/paused-replicas"
    assert perform(VERBS["stop"](asked)) == [f"{pause}=0", "kubectl scale --replicas=0 deployment/mysite-worker"]
    assert perform(VERBS["start"](asked))[0] == f"{pause}-"


def test_scale() -> None:
    assert verb("scale", replicas={"web": 4})[0] == "kubectl scale --replicas=4 deployment/mysite-web"
    with pytest.raises(Refusal, match="beat is never there twice"):
        verb("scale", replicas={"beat": 2})
    scaled = replace(OPTIONS, autoscale={"web": Autoscale()})
    with pytest.raises(Refusal, match="an autoscaler says how many of web there are"):
        verb("scale", replicas={"web": 2}, options=scaled)


def test_down_takes_what_is_ours_and_leaves_the_namespace() -> None:
    assert verb("down") == [
        f"kubectl delete {KINDS} {SELECT} --ignore-not-found",
    ]
    options = replace(OPTIONS, gateway="public", host="x.example", context="prod", namespace="live")
    place = "kubectl --context=prod --namespace=live"
    assert verb("down", options=options)[1] == (
        f"{place} delete httproutes.gateway.networking.k8s.io {SELECT} --ignore-not-found"
    )


def test_logs_and_events() -> None:
    end = "--prefix --timestamps --ignore-errors --max-log-requests=100"
    assert verb("logs") == [f"kubectl logs {SELECT} --tail=100 {end}"]
    some = f"'--selector={OURS},app.kubernetes.io/component in (web,beat)'"
    assert verb("logs", "web", "beat", follow=True, lines=5) == [f"kubectl logs {some} --tail=5 {end} --follow"]
    assert verb("logs", lines=None)[0].split()[3] == "--tail=-1"
    since = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    assert verb("logs", since=since)[0].split()[4] == "--since-time=2026-11-21T03:00:00+00:00"
    lines = [
        "[pod/mysite-web-b/main] 2026-11-21T07:31:01Z [two]\n",
        "[pod/mysite-web-a/main] 2026-11-21T07:31:00.5Z one\n",
    ]
    shown = perform(VERBS["logs"](ASKED), {"logs": Done(0, "".join(lines))})
    assert shown[1:] == ["2026-11-21T07:31:00.500Z mysite-web-a one", "2026-11-21T07:31:01.000Z mysite-web-b [two]"]
    assert verb("events") == ["kubectl get events --sort-by=.metadata.creationTimestamp"]
    assert verb("events", follow=True) == ["kubectl get events --watch"]


@pytest.mark.parametrize(("name", "message"), [("web.2", "Kubernetes has no web.2"), ("migrate", "migrate is a task")])
def test_a_name_that_it_cannot_drive(name: str, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        verb("restart", name)


def test_what_it_cannot_do_has_something_that_comes_close() -> None:
    assert not CANNOT.keys() & VERBS.keys()
    assert all(CANNOT.values())


def test_it_is_found_by_its_name() -> None:
    assert registry.engine("kubernetes") is ENGINE
    assert directory(SITE, OPTIONS) == "/srv/mysite/deploy/kubernetes"


def written(folder: Path) -> Asked:
    rendering = render(SITE, OPTIONS)
    files.write(str(folder), rendering.files, files.compare(rendering.files, {}, "mysite"))
    return replace(ASKED, directory=str(folder))


def silent(_text: str) -> None:
    pass


NOBODY = Done(1, "", "E1121 memcache.go: refused\nThe connection to the server x:8080 was refused")


def test_the_checkers_are_asked_one_after_the_other() -> None:
    assert perform(ENGINE.check(ASKED)) == ["kubectl kustomize /manifests", f"{APPLY} --dry-run=server -k /manifests"]


@pytest.mark.parametrize(
    ("done", "refusal"),
    [
        (Done(NO_SUCH_PROGRAM), "there is no kubectl here"),
        (NOBODY, "the cluster does not answer: The connection to the server x:8080 was refused"),
    ],
)
def test_the_cluster_is_asked_first(done: Done, refusal: str) -> None:
    with pytest.raises(Refusal, match=refusal) as refused:
        perform(require(ENGINE, ASKED), {"version": done})
    assert "KUBECONFIG" in refused.value.fix


def test_what_the_cluster_does_not_take_is_not_written() -> None:
    with pytest.raises(Refusal, match="no matches for kind") as refused:
        perform(ENGINE.check(ASKED), {"--dry-run": Done(1, "", 'error: no matches for kind "ScaledObject"')})
    assert refused.value.fix == "nothing was changed"


def test_what_the_cluster_warns_of_is_said() -> None:
    warning = 'Warning: would violate PodSecurity "restricted:latest"'
    said = perform(ENGINE.check(ASKED), {"--dry-run": Done(0, "", f"{warning}\n")})
    assert said[-1] == f"# {warning}"


def test_the_checkers_of_this_machine_are_content(tmp_path: Path) -> None:
    """kubectl's own Kustomize among them; the cluster, the last of all, is not there."""
    with pytest.raises(Refusal, match="the cluster does not take the manifests"):
        drive(ENGINE.check(written(tmp_path)), silent)


def test_a_manifest_that_would_not_do_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    asked = replace(written(tmp_path), options=replace(OPTIONS, uid=0))
    with pytest.raises(Refusal, match=r"the manifests would not do: .* runs as root"):
        drive(ENGINE.check(asked), silent)


def test_the_schemas_are_asked_where_they_are_installed(tmp_path: Path) -> None:
    wrong = replace(OPTIONS, uid="somebody")  # type: ignore[arg-type]  # no reader of options would let it through
    with pytest.raises(Refusal, match="'somebody' is not of type 'integer'"):
        drive(ENGINE.check(replace(written(tmp_path), options=wrong)), silent)


def test_kustomize_complains_of_a_file_that_is_missing(tmp_path: Path) -> None:
    asked = written(tmp_path)
    (tmp_path / "process-web.yaml").unlink()
    steps = ENGINE.check(asked)
    step = next(steps)
    assert isinstance(step, Command)
    with pytest.raises(Refusal, match="kubectl kustomize: error: no such file"):
        steps.send(Done(1, "", "error: no such file"))
