"""How many tasks each task runner has, asked through its own client, so that its settings and key prefixes hold.

A counter gets the argvs of the runner's processes, and gives (queue, state, priority, number). `waiting` is what a
worker could take now. What a client raises is passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

from procession.backends.argv import values
from procession.backends.option import Option, Takes

CONNECT_SECONDS_MAX = 3.0
WAITING, SCHEDULED, RUNNING, RESERVED = "waiting", "scheduled", "running", "reserved"
FAILED, DEAD, DONE = "failed", "dead", "done"

Argvs = Sequence[Sequence[str]]

CELERY_APP = Option(("--app", "-A"))
CELERY_QUEUES = Option(("--queues", "-Q"), Takes.JOINED)


class Count(NamedTuple):
    queue: str
    state: str
    priority: str
    number: int


def celery(argvs: Argvs) -> Iterator[Count]:
    """Of each application's queues: those that its workers are told (-Q), else those that it declares itself."""
    find_app = import_module("celery.app.utils").find_app
    names: dict[str, set[str]] = {}
    for argv in argvs:
        said = [name for value in values(argv, CELERY_QUEUES) for name in value.split(",") if name]
        names.setdefault((values(argv, CELERY_APP) or ("",))[-1], set()).update(said or [""])
    for name, queues in names.items():
        app = find_app(name) if name else import_module("celery").current_app
        own = set(app.amqp.queues) if "" in queues else set()
        with app.connection_for_read(connect_timeout=CONNECT_SECONDS_MAX) as connection:
            connection.connect()
            yield from _celery_counts(connection, sorted(own | queues - {""}))


def _celery_counts(connection: Any, queues: Iterable[str]) -> Iterator[Count]:
    channel = connection.default_channel
    if not hasattr(channel, "priority_steps"):
        yield from (Count(queue, WAITING, "", _passively(connection, queue)) for queue in queues)
        return
    with channel.conn_or_acquire() as redis:
        for queue in queues:
            for step in channel.priority_steps:  # kombu keeps a list for each; its own size() is their sum
                number = redis.llen(channel._q_for_pri(queue, step))
                yield Count(queue, WAITING, str(step), number)
        yield Count("", RESERVED, "", redis.hlen(channel.unacked_key))  # of all queues, and not only running


def _passively(connection: Any, queue: str) -> int:
    """The queue is not made by asking. One that is not there has no tasks; the broker closes the channel over it."""
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except connection.channel_errors:
            return 0


def rq(_argvs: Argvs) -> Iterator[Count]:
    """Of all RQ_QUEUES. Without the cleaning up that RQ does when it counts: that is its workers' to do."""
    from django.conf import settings

    get_queue = import_module("django_rq").get_queue
    registries = {
        SCHEDULED: "scheduled",
        "deferred": "deferred",
        RUNNING: "started",
        FAILED: "failed",
        DONE: "finished",
    }
    for name in settings.RQ_QUEUES:
        queue = get_queue(name)
        yield Count(name, WAITING, "", queue.count)
        for state, registry in registries.items():
            number = getattr(queue, f"{registry}_job_registry").get_job_count(cleanup=False)
            yield Count(name, state, "", number)


def huey(_argvs: Argvs) -> Iterator[Count]:
    own = import_module("huey.contrib.djhuey").HUEY
    yield Count(own.name, WAITING, "", own.pending_count())
    yield Count(own.name, SCHEDULED, "", own.scheduled_count())


def dramatiq(_argvs: Argvs) -> Iterator[Count]:
    """Of the queues of all actors, which are known once the site's task modules are imported, as its worker does it."""
    command = import_module("django_dramatiq.management.commands.rundramatiq").Command
    for module in command().discover_tasks_modules():
        import_module(module)
    broker = import_module("dramatiq").get_broker()
    for queue in sorted(broker.get_declared_queues()):
        waiting, delayed, dead = _dramatiq_counts(broker, queue)
        yield Count(queue, WAITING, "", waiting)
        yield Count(queue, SCHEDULED, "", delayed)
        yield Count(queue, DEAD, "", dead)


def _dramatiq_counts(broker: Any, queue: str) -> tuple[int, int, int]:
    """On Redis two lists and a sorted set (dramatiq/brokers/redis.py); RabbitMQ's broker counts by itself."""
    if not hasattr(broker, "client"):
        waiting, delayed, dead = broker.get_queue_message_counts(queue)
        return waiting, delayed, dead
    key = f"{broker.namespace}:{queue}"
    return broker.client.llen(key), broker.client.llen(f"{key}.DQ"), broker.client.zcard(f"{key}.XQ")


def django_q2(_argvs: Argvs) -> Iterator[Count]:
    broker = import_module("django_q.brokers").get_broker()
    models = import_module("django_q.models")
    name = broker.list_key
    yield Count(name, WAITING, "", broker.queue_size())
    yield Count(name, RESERVED, "", broker.lock_size())
    yield Count(name, SCHEDULED, "", models.Schedule.objects.count())
    yield Count(name, FAILED, "", models.Failure.objects.count())
    yield Count(name, DONE, "", models.Success.objects.count())


def django_tasks_db(_argvs: Argvs) -> Iterator[Count]:
    results = import_module("django_tasks_db.models").DBTaskResult.objects
    states = {"RUNNING": RUNNING, "FAILED": FAILED, "SUCCESSFUL": DONE}
    found = {(WAITING, queue): n for queue, n in _by(results.ready(), "queue_name")}
    for queue, status, number in _by(results.all(), "queue_name", "status"):
        if status in states:
            found[states[status], queue] = number
        else:
            found[SCHEDULED, queue] = number - found.get((WAITING, queue), 0)
    yield from _with_default(found)


def procrastinate(_argvs: Argvs) -> Iterator[Count]:
    from django.db.models import Q
    from django.utils.timezone import now

    jobs = import_module("procrastinate.contrib.django.models").ProcrastinateJob.objects
    states = {"todo": WAITING, "doing": RUNNING, "succeeded": DONE}
    later = Q(status="todo", scheduled_at__gt=now())
    found = {(SCHEDULED, queue): n for queue, n in _by(jobs.filter(later), "queue_name")}
    for queue, status, number in _by(jobs.exclude(later), "queue_name", "status"):
        found[states.get(status, status), queue] = number
    yield from _with_default(found)


def _by(rows: Any, *columns: str) -> Iterator[Any]:
    """(the columns' values, how many) of a queryset."""
    from django.db.models import Count as Number

    return iter(rows.order_by().values_list(*columns).annotate(number=Number("pk")))


def _with_default(found: Mapping[tuple[str, str], int]) -> Iterator[Count]:
    """An empty table says nothing of the queues: then the one that there is by default is empty."""
    for queue in sorted({queue for _, queue in found} | {"default"}):
        yield Count(queue, WAITING, "", found.get((WAITING, queue), 0))
    yield from (Count(queue, state, "", n) for (state, queue), n in sorted(found.items()) if state != WAITING)


COUNTERS: Final[Mapping[str, Callable[[Argvs], Iterator[Count]]]] = {
    "celery": celery,
    "rq": rq,
    "huey": huey,
    "dramatiq": dramatiq,
    "django-q2": django_q2,
    "django-tasks-db": django_tasks_db,
    "procrastinate": procrastinate,
}
