"""What Kubernetes cannot do as declared, and what its options leave open: each with what comes closest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from procession.engines import secrets
from procession.engines.kubernetes import environment, inside, probes
from procession.engines.kubernetes.names import object_name
from procession.engines.kubernetes.options import Options
from procession.engines.kubernetes.pod import claims, is_migration
from procession.engines.kubernetes.stopping import version_of
from procession.engines.kubernetes.traffic import public
from procession.errors import Problem
from procession.stack.model import Condition, Kind, Process, RestartWhen, Stack

PLACE = "stack.engines.kubernetes"
ORIGIN = 'PRODUCTION_STACK["ENGINES"]["kubernetes"]'
OLDEST = (1, 28)
BEAT = "celery-beat"
SECRET_FILE = "secret.yaml"
SCHEDULE_FLAGS = ("--schedule", "-s", "--scheduler", "-S")

# What of a process a pod does not have: field, whether it is asked for, what to do.
MISSING: Final[tuple[tuple[str, Callable[[Process], bool], str], ...]] = (
    ("limits.files", lambda process: process.limits.files > 0, "its container runtime says how many; leave it out"),
    ("limits.processes", lambda process: process.limits.processes > 0, "the kubelet's podPidsLimit is for all pods"),
    ("limits.nice", lambda process: process.limits.nice != 0, "use a share of the processor: LIMITS.CPU"),
    ("limits.core", lambda process: process.limits.core_bytes >= 0, "the node's core_pattern says what becomes of it"),
    ("umask", lambda process: process.umask is not None, "files of a volume belong to the group UID there"),
    ("max_age", lambda process: process.max_age_seconds > 0, "let something call `procession restart` at times"),
)


def problems(stack: Stack, options: Options) -> tuple[Problem, ...]:
    """All of them at once; errors first."""
    found = [*_of_options(stack, options), *_of_scaling(stack, options), *_of_secrets(stack, options)]
    for process in stack.processes:
        found += _of_process(process, stack, options)
    return tuple(sorted(found, key=lambda problem: not problem.is_error))


def _option(id: str, key: str, what: str, fix: str) -> Problem:
    return Problem(id, f"{PLACE}.{key}", what, origin=f'{ORIGIN}["{key.upper()}"]', fix=fix)


def _declared(id: str, process: Process, where: str, what: str, fix: str) -> Problem:
    return Problem(id, f"{process.name}.{where}", what, origin=process.origin.text(), fix=fix)


def _of_options(stack: Stack, options: Options) -> Iterator[Problem]:
    if not options.image:
        fix = 'write: "IMAGE": "registry.example/mysite:1.4", the image that holds the site'
        yield _option("E130", "image", "no image is named for the pods to run", fix)
    elif options.image.partition("@")[0].endswith(":latest"):
        yield _option(
            "W130", "image", "is the same name for every release: no pod and no task starts anew", "use a tag"
        )
    if not version_of(options) >= OLDEST:
        yield _option("E131", "version", f"is no version from 1.28 on: {options.version}", 'write: "1.30"')
    if not options.uid:
        yield _option("E131", "uid", "no process may be root there", "write the id of the image's own user")
    for number, (claim, path) in enumerate(claims(options)):
        if not claim or not path.startswith("/"):
            yield _option("E131", "volumes", f"is no volume: {options.volumes[number]}", 'write: "claim:/path"')
    for path in options.writable:
        if not path.startswith("/"):
            yield _option("E131", "writable", f"is no absolute path: {path}", 'write: "/app/cache"')
    if options.host and public(stack, options.public) is None:
        yield _option("E131", "public", "no process listens that the host name could lead to", "name one that does")


def _of_scaling(stack: Stack, options: Options) -> Iterator[Problem]:
    for name, scale in options.autoscale.items():
        process = stack.process(name)
        if process is None or process.kind is Kind.TASK:
            yield _option("E132", "autoscale", f"there is no process {name}", "name one that is declared")
        elif process.singleton:
            yield _option("E132", "autoscale", f"{name} is never there twice", "take it out")
        elif not 0 <= scale.lowest <= scale.highest or not scale.highest:
            yield _option("E132", "autoscale", f"{name}: LOWEST must not be above HIGHEST", "turn them around")
        elif scale.trigger and not scale.metadata:
            what = f"{name}: the scaler {scale.trigger} is not told what to look at"
            yield _option("E132", "autoscale", what, 'write: "METADATA": {"listName": "celery", ...}')
        elif not scale.trigger and not scale.lowest:
            what = f"{name}: processor time cannot bring back what has no pod"
            yield _option("E132", "autoscale", what, "write LOWEST 1, or a TRIGGER")


def _of_secrets(stack: Stack, options: Options) -> Iterator[Problem]:
    """Where a secret value would have been; never the value."""
    if options.write_secrets:
        yield from secrets.of_env(stack, "kubernetes", SECRET_FILE, writes=True)
    else:
        name, keys = environment.secret_name(stack, options), environment.sort_out(stack).secrets
        for one in secrets.find_secrets(stack):
            key = one.name if one.name in keys else one.where.replace(".env.", ".")
            fix = f'kubectl create secret generic {name} --from-literal={key}=..., or say "WRITE_SECRETS": True'
            yield one.problem("W101", f"in no manifest, and read from the key {key} of the Secret {name}", fix)
    yield from secrets.in_commands(stack)
    files = sorted({path for process in stack.processes for path in process.env_files})
    if files and not options.secret:
        fix = 'kubectl create secret generic NAME --from-env-file=FILE (without quotes in it), and say "SECRET": "NAME"'
        yield _option("W132", "secret", f"env files stay on this machine: {', '.join(files)}", fix)


def _of_process(process: Process, stack: Stack, options: Options) -> Iterator[Problem]:
    yield from _of_dependencies(process, stack)
    if process.kind is Kind.TASK:
        return
    for bind in inside.unreachable(process, stack, options):
        fix = 'write 0.0.0.0 for the host: "ARGS": {"bind": "0.0.0.0:8000"}'
        yield _declared("W133", process, "args", f"{bind} is reached from inside of its pod alone", fix)
    for field, is_asked, fix in MISSING:
        if is_asked(process):
            yield _declared("W134", process, field, "Kubernetes has nothing of the kind for a pod", fix)
    if process.user and process.user != "root":
        what = f'its pods run as {options.uid}: "{process.user}" is a name of this machine'
        yield _declared("W134", process, "user", what, f'say which: "UID" in {ORIGIN}')
    if process.restart is not RestartWhen.ALWAYS:
        fix = "make it a task, if it ends by itself"
        yield _declared("W134", process, "restart", "a Deployment starts again whatever ends", fix)
    if probes.is_unheard(process):
        fix = "ask for something: an http, tcp, exec or file probe"
        yield _declared("W135", process, "readiness", "in a pod nobody hears READY=1: it counts as ready at once", fix)
    if process.backend == BEAT and not any(word.startswith(SCHEDULE_FLAGS) for word in process.argv):
        what = "beat keeps its schedule in its working directory, where a pod cannot write"
        fix = 'write: "ARGS": {"schedule": "/tmp/celerybeat-schedule"}, or use a scheduler with a database'
        yield _declared("W136", process, "args.schedule", what, fix)


def _of_dependencies(process: Process, stack: Stack) -> Iterator[Problem]:
    for one in process.depends_on:
        other = stack.process(one.name)
        if other is None or (other.kind is Kind.TASK and is_migration(other)):
            continue
        if other.kind is Kind.TASK and one.condition is Condition.COMPLETED:
            what = f"only `procession apply` waits for {one.name}: a pod cannot see whether a Job is done"
            fix = "collect static files where the image is built" if "collectstatic" in other.argv else ""
        else:
            what = f"does not wait for {one.name}: Kubernetes starts both at once"
            fix = "it must bear that the other is not there yet"
        yield _declared("W137", process, f"depends_on.{object_name(one.name)}", what, fix)
