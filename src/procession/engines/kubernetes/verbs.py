"""The verbs, as kubectl does them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from procession.engines import said
from procession.engines.base import Asked, Verb
from procession.engines.kubernetes import environment
from procession.engines.kubernetes.kubectl import APPLY, chosen, deployment_of, kubectl, selector_of, tasks
from procession.engines.kubernetes.names import object_name, ours
from procession.engines.kubernetes.options import Options
from procession.engines.kubernetes.pod import Plan
from procession.engines.kubernetes.render import CONFIG, SECRET, file_name, manifests
from procession.engines.kubernetes.workloads import progress_seconds, replicas_of
from procession.engines.steps import TIMED_OUT, Await, Command, News, Steps
from procession.engines.text.yaml import yaml_documents
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from procession.stack.model import Process, Stack

TASK_SECONDS = 3600.0  # a migration of a large table
TASK_EVERY_SECONDS = 1.0
LOGS_AT_ONCE = 100  # pods whose logs are followed at the same time; kubectl's own limit is 5
KINDS = "deployments,services,ingresses,horizontalpodautoscalers,poddisruptionbudgets,configmaps,secrets,jobs"
CUSTOM_KINDS = ("scaledobjects.keda.sh", "httproutes.gateway.networking.k8s.io")
PAUSED = "autoscaling.keda.sh/paused-replicas"

CANNOT: Mapping[str, str] = {
    "reload": "procession roll: new pods, each ready before an old one ends",
    "signal": "kubectl exec POD -- kill -HUP 1",
    "update": "procession apply",
    "up": "procession apply",
}


def directory(stack: Stack, options: Options) -> str:
    return os.path.join(stack.directory, options.output)


def apply(asked: Asked) -> Steps[None]:
    """Tasks first, each to its end; then all the rest, and what is no longer declared is taken away."""
    yield _diff(asked)
    there = manifests(asked.stack, asked.options)
    for path in (path for path in (CONFIG, SECRET) if path in there):
        yield from _run(kubectl(asked, *APPLY, "-f", os.path.join(asked.directory, path)))
    for task in tasks(asked):
        yield from _forget_failure(task, asked)
        yield from _run(kubectl(asked, *APPLY, "-f", os.path.join(asked.directory, file_name(task))))
        yield from _until_done(task, asked)
    yield from _run(kubectl(asked, *APPLY, "-k", asked.directory))
    yield from _prune(asked)
    yield from _await_rolls(chosen(asked), asked)


def start(asked: Asked) -> Steps[None]:
    """As many pods as declared; an autoscaler goes on from there."""
    for process in chosen(asked):
        yield from _pause(process, asked, f"{PAUSED}-")
        yield from _scale(process, max(1, replicas_of(process)), asked)
    yield from _await_rolls(chosen(asked), asked)


def stop(asked: Asked) -> Steps[None]:
    """No pod of them; at 0 replicas a HorizontalPodAutoscaler leaves them alone, and KEDA is told to."""
    for process in chosen(asked):
        yield from _pause(process, asked, f"{PAUSED}=0")
        yield from _scale(process, 0, asked)


def roll(asked: Asked) -> Steps[None]:
    """New pods one by one. One that does not become ready: the old revision is put back, which still serves."""
    for process in chosen(asked):
        deployment = deployment_of(process, asked)
        yield from _run(kubectl(asked, "rollout", "restart", deployment))
        done = yield kubectl(asked, *_rollout(process, asked))
        if not done.is_well:
            yield kubectl(asked, "rollout", "undo", deployment)
            raise Refusal(f"{process.name}: {done.last_words()}", f"see why: procession logs {process.name}")
        yield News(f"{process.name}: rolled")


def scale(asked: Asked) -> Steps[None]:
    """Until the next apply, which is why the declaration should say it, too. Raises Refusal for a singleton."""
    for name, count in asked.replicas.items():
        process = _scalable(name, count, asked)
        yield from _scale(process, count, asked)
        yield from _await_rolls([process], asked)


def down(asked: Asked) -> Steps[None]:
    """All that is ours, and nothing else of the namespace. The files stay."""
    yield from _run(kubectl(asked, "delete", KINDS, f"--selector={ours(asked.stack)}", "--ignore-not-found"))
    for kind in _custom_kinds(asked):
        yield from _run(kubectl(asked, "delete", kind, f"--selector={ours(asked.stack)}", "--ignore-not-found"))


def logs(asked: Asked) -> Steps[None]:
    """By the names of the pods, which `status` says, too."""
    tail = said.tail(asked)
    words = ["logs", f"--selector={selector_of(asked.names, asked)}", f"--tail={-1 if tail == 'all' else tail}"]
    words += [f"--since-time={asked.since.isoformat()}"] if asked.since else []
    words += ["--prefix", "--timestamps", "--ignore-errors", f"--max-log-requests={LOGS_AT_ONCE}"]
    yield from said.show(
        kubectl(asked, *words, *(["--follow"] if asked.follow else []), looks=True),
        lambda lines: said.wanted(said.logged(lines, said.KUBECTL, str), asked),
    )


def events(asked: Asked) -> Steps[None]:
    """Those of the namespace: an event has no labels to choose it by. The API server forgets them after an hour."""
    how = ["--watch"] if asked.follow else ["--sort-by=.metadata.creationTimestamp"]
    yield from _run(kubectl(asked, "get", "events", *how, looks=True, shown=True))


TAKES: Mapping[str, frozenset[str]] = {"logs": frozenset({"since", "grep", "json", "no_times"})}
VERBS: Mapping[str, Verb] = {
    "start": start,
    "stop": stop,
    "restart": roll,
    "roll": roll,
    "scale": scale,
    "down": down,
    "logs": logs,
    "events": events,
}


def _diff(asked: Asked) -> Command:
    """For a person to see; from stdin, as a dry run has written no file. What is wrong, `apply` itself will say."""
    documents = [document for each in manifests(asked.stack, asked.options).values() for document in each]
    command = kubectl(asked, "diff", *APPLY[1:], "-f", "-", looks=True, shown=True)
    return replace(command, given=yaml_documents(documents))


def _run(command: Command) -> Steps[None]:
    """Raises Refusal if it does not end well."""
    done = yield command
    if not done.is_well:
        raise Refusal(f"{command.text()}: {done.last_words()}")


def _forget_failure(task: Process, asked: Asked) -> Steps[None]:
    """A Job that failed stays failed: to apply it again is to run it again."""
    job = f"job/{_job_name(task, asked)}"
    done = yield kubectl(asked, "get", job, "-o", "json", "--ignore-not-found", looks=True)
    if "Failed" in _conditions(done):
        yield from _run(kubectl(asked, "delete", job))


def _until_done(task: Process, asked: Asked) -> Steps[None]:
    name = _job_name(task, asked)
    look = kubectl(asked, "get", f"job/{name}", "-o", "json", looks=True)
    within = max(TASK_SECONDS, task.stop_seconds)
    done = yield Await(look=look, holds=_has_ended, within_seconds=within, what=f"{task.name} is done",
                       every_seconds=TASK_EVERY_SECONDS)  # fmt: skip
    if done.status == TIMED_OUT:
        raise Refusal(
            f"{task.name}: not done within {within:g} s", f"procession logs {task.name}", code=ExitCode.TIMED_OUT
        )
    if "Failed" in _conditions(done):
        raise Refusal(f"{task.name} failed; what runs already was not changed", f"see why: procession logs {task.name}")
    yield News(f"{task.name}: done")


def _job_name(task: Process, asked: Asked) -> str:
    documents = manifests(asked.stack, asked.options)[file_name(task)]
    metadata = documents[0]["metadata"]
    assert isinstance(metadata, Mapping)
    return str(metadata["name"])


def _has_ended(done: Done) -> bool:
    return bool({"Complete", "Failed"} & _conditions(done))


def _conditions(done: Done) -> set[str]:
    """The conditions of a Job that are true; none of what cannot be read."""
    if not done.stdout:
        return set()
    found = json.loads(done.stdout).get("status", {}).get("conditions", [])
    return {one["type"] for one in found if one["status"] == "True"}


def _prune(asked: Asked) -> Steps[None]:
    """What carries our labels and is in no manifest any more: removed processes, and Jobs of older releases."""
    wanted = {_reference(document) for each in manifests(asked.stack, asked.options).values() for document in each}
    for kinds in (KINDS, *CUSTOM_KINDS):
        done = yield kubectl(asked, "get", kinds, f"--selector={ours(asked.stack)}", "-o", "name", looks=True)
        if not done.is_well:
            if kinds == KINDS:
                yield News(f"what is no longer declared was not looked for: {done.last_words()}")
            continue  # A cluster without KEDA, or without the Gateway API.
        leftovers = [name for name in done.stdout.split() if _kind_and_name(name) not in wanted]
        if leftovers:
            yield from _run(kubectl(asked, "delete", *leftovers))


def _reference(document: Mapping[str, object]) -> tuple[str, str]:
    metadata = document["metadata"]
    assert isinstance(metadata, Mapping)
    return str(document["kind"]).lower(), str(metadata["name"])


def _kind_and_name(text: str) -> tuple[str, str]:
    """("deployment", "mysite-web") of deployment.apps/mysite-web."""
    kind, _, name = text.partition("/")
    return kind.partition(".")[0], name


def _await_rolls(processes: Iterable[Process], asked: Asked) -> Steps[None]:
    for process in processes:
        done = yield kubectl(asked, *_rollout(process, asked))
        if not done.is_well:
            back = f"kubectl rollout undo {deployment_of(process, asked)}"
            fix = f"see why: procession logs {process.name}; go back: {back}"
            raise Refusal(f"{process.name}: {done.last_words()}; its old pods go on", fix)
        yield News(f"{process.name}: ready")


def _rollout(process: Process, asked: Asked) -> tuple[str, ...]:
    """Pods come one by one, each with the time that one may take; without progress the cluster itself ends the wait."""
    scaling = asked.options.autoscale.get(process.name)
    pods = max(1, replicas_of(process), scaling.highest if scaling else 0)
    seconds = pods * progress_seconds(process, Plan(asked.stack, asked.options, environment.Environment()))
    return ("rollout", "status", deployment_of(process, asked), f"--timeout={seconds}s")


def _scale(process: Process, count: int, asked: Asked) -> Steps[None]:
    yield from _run(kubectl(asked, "scale", f"--replicas={count}", deployment_of(process, asked)))


def _scalable(name: str, count: int, asked: Asked) -> Process:
    process = asked.stack.process(name)
    assert process is not None  # The command line has looked.
    if process.singleton and count > 1:
        raise Refusal(f"{name} is never there twice", code=ExitCode.USAGE)
    if name in asked.options.autoscale:
        fix = "write LOWEST and HIGHEST of AUTOSCALE, and apply"
        raise Refusal(f"an autoscaler says how many of {name} there are", fix, code=ExitCode.USAGE)
    return process


def _pause(process: Process, asked: Asked, annotation: str) -> Steps[None]:
    scaling = asked.options.autoscale.get(process.name)
    if scaling is not None and scaling.trigger:
        name = f"scaledobject/{object_name(asked.stack.name, process.name)}"
        yield from _run(kubectl(asked, "annotate", "--overwrite", name, annotation))


def _custom_kinds(asked: Asked) -> list[str]:
    uses: Mapping[str, Callable[[], object]] = {
        CUSTOM_KINDS[0]: lambda: any(scale.trigger for scale in asked.options.autoscale.values()),
        CUSTOM_KINDS[1]: lambda: asked.options.gateway,
    }
    return [kind for kind, is_used in uses.items() if is_used()]
