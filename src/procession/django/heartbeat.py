"""Where each task runner's main loop turns: there its heart beats, if whoever runs it has asked for that.

A beat is part of the loop itself, never a thread beside it, which would go on in a program that hangs. A long task must
not look like a hang either, so each place was chosen among those that turn on while a task runs. Where the loop itself
runs the tasks, its heart rests meanwhile; where it may sleep for longer than LONGEST_SECONDS, and where a gevent or
eventlet loop shares its thread with them, it does not beat at all, and nothing is judged.

Nothing here may break a worker. A library that has changed is one line on stderr, and a heart that never beats.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Final, Protocol, TypeVar

from procession.django.heart import Heart, find_heart
from procession.django.methods import after_each, after_first, before_each
from procession.django.ready import READY, TOLD, complain

LONGEST_SECONDS: Final = 30.0
"""A loop that may sleep longer than this by its options would look stuck to those who look once a minute."""

W = TypeVar("W")

PARALLEL_POOLS: Final = frozenset({"celery.concurrency.prefork", "celery.concurrency.thread"})
SOLO_POOL: Final = "celery.concurrency.solo"

HUEY_TYPES: Final = frozenset({"thread", "process"})  # else greenlets, in the loop's own thread
RQ_DEQUEUE: Final = "dequeue_job_and_maintain_ttl"


class Consumer(Protocol):
    """What we read of Celery's consumer."""

    pool: object


class Service(Protocol):
    """What we read of Celery's beat."""

    scheduler: object


class RqWorker(Protocol):
    """What we read of RQ's workers."""

    job_monitoring_interval: float


class HueyConsumer(Protocol):
    """What we read of huey's consumer."""

    worker_type: str


class DbWorker(Protocol):
    """What we read of django-tasks-db's worker."""

    interval: float


def beat_while_it_turns() -> None:
    """Give this program's main loop a heart; called at the end of django.setup(). Never raises, never waits."""
    kind = os.environ.get(READY, "")
    if kind == TOLD or kind not in LOOPS:
        return
    heart = find_heart(complain)
    if heart and not _is_green():
        _arrange(heart, lambda: LOOPS[kind](heart))


def _arrange(heart: Heart, do: Callable[[], object]) -> None:
    try:
        do()
    except Exception as error:  # noqa: BLE001 - other people's programs: a renamed class must not stop the worker
        heart.stop()
        complain(f"cannot see whether it is alive ({error!r}), so nobody judges it")


def _is_green() -> bool:
    """Are threads greenlets here? Then one task that computes, or waits for what is not patched, stops every loop."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    return bool((gevent and gevent.is_module_patched("socket")) or (eventlet and eventlet.is_monkey_patched("socket")))


def _celery_worker(heart: Heart) -> None:
    """From when it is ready on, as only then it is known who will run its tasks: worker_pool may be a setting."""

    def begin(sender: Consumer, **_said: object) -> None:
        pools = {owner.__module__ for owner in type(sender.pool).__mro__}
        if SOLO_POOL in pools:
            import_module("celery.signals").task_prerun.connect(rest, weak=False)
        if SOLO_POOL in pools or PARALLEL_POOLS & pools:
            _beat_with_consumer(heart)

    def rest(**_said: object) -> None:
        heart.rest()

    import_module("celery.signals").worker_ready.connect(begin, weak=False)


def _beat_with_consumer(heart: Heart) -> None:
    """Both event loops ask in each turn whether they shall stop, and so does the wait for a broker that is away.

    A timer of Celery's is no place: without an asynchronous transport it is a thread, and it stands still with the
    broker away, which is no reason to restart a worker.
    """
    for module in ("celery.worker.state", "celery.worker.consumer.consumer"):
        before_each(import_module(module), "maybe_shutdown", heart.beat)


def _celery_beat(heart: Heart) -> None:
    """It sleeps until the next task is due, for up to five minutes: now it looks at its schedule in between."""

    def begin(sender: Service, **_said: object) -> None:
        after_each(sender.scheduler, "tick", heart.beat)
        _cap(sender.scheduler, "tick", heart.every_seconds)

    import_module("celery.signals").beat_init.connect(begin, weak=False)


def _rq(heart: Heart) -> None:
    """A worker tells Redis that it is alive, between jobs and while it waits for a job's process; its pool has a loop.

    It waits for the next job for minutes: now for seconds. `rq suspend` may hold it up for as long as it wants.
    """
    worker = import_module("rq.worker").BaseWorker

    def begin(self: RqWorker) -> None:
        if _rq_turns(self):
            _rq_worker(worker, heart)

    _when_called(worker, "work", heart, begin)
    pool = import_module("rq.worker_pool").WorkerPool
    before_each(pool, "start_worker", heart.beat)  # The first beat makes it the pool's: the workers are forked off.
    before_each(pool, "check_workers", heart.beat)


def _rq_turns(worker: RqWorker) -> bool:
    """SimpleWorker runs the jobs itself; another looks after them at that interval."""
    is_simple = any(owner.__name__ == "SimpleWorker" for owner in type(worker).__mro__)
    return not is_simple and worker.job_monitoring_interval <= LONGEST_SECONDS


def _rq_worker(worker: type, heart: Heart) -> None:
    before_each(worker, "heartbeat", heart.beat)
    before_each(worker, "check_for_suspension", heart.rest)
    original = getattr(worker, RQ_DEQUEUE)
    timeout_max = max(1, int(heart.every_seconds))  # Redis would take fractions, RQ does not

    def dequeue(self: object, timeout: float | None, *args: object, **kwargs: object) -> object:
        return original(self, timeout and min(timeout, timeout_max), *args, **kwargs)

    setattr(worker, RQ_DEQUEUE, dequeue)


def _rq_cron(heart: Heart) -> None:
    """It sleeps until the next job is due, for up to a minute."""
    cron = import_module("rq.cron").CronScheduler
    after_each(cron, "calculate_sleep_interval", heart.beat)
    _cap(cron, "calculate_sleep_interval", heart.every_seconds)


def _huey(heart: Heart) -> None:
    """The consumer's own loop, ten times a second; tasks run in other threads or processes."""
    consumer = import_module("huey.consumer").Consumer

    def begin(self: HueyConsumer) -> None:
        if self.worker_type in HUEY_TYPES:
            before_each(consumer, "loop", heart.beat)

    _when_called(consumer, "run", heart, begin)


def _dramatiq(heart: Heart) -> None:
    """The threads that fetch messages, in each worker process; other threads run them. It closes before it retries.

    The main process only waits for the others, and has no Django.
    """
    module = import_module("dramatiq.worker")
    consumer = getattr(module, "ConsumerThread", None) or module._ConsumerThread  # its name before 2.0
    before_each(consumer, "handle_delayed_messages", heart.beat)
    before_each(consumer, "close", heart.beat)


def _django_q2(heart: Heart) -> None:
    """The sentinel saves its state in each turn, twice a second; the first time before it forks off the workers."""
    before_each(import_module("django_q.status").Stat, "save", heart.beat)


def _django_tasks_db(heart: Heart) -> None:
    """The one loop fetches a task and runs it."""
    module = import_module("django_tasks_db.management.commands.db_worker")

    def begin(worker: DbWorker) -> None:
        if worker.interval <= LONGEST_SECONDS:
            before_each(module, "close_old_connections", heart.beat)
            before_each(module.Worker, "run_task", heart.rest)

    _when_called(module.Worker, "run", heart, begin)


def _procrastinate(heart: Heart) -> None:
    """Its asyncio loop. Synchronous jobs run in threads; an asynchronous one that blocks the loop stops the heart, as
    it stops procrastinate's own, by which it knows stalled workers.
    """

    def turn(loop: asyncio.AbstractEventLoop) -> None:
        heart.beat()
        loop.call_later(heart.every_seconds, turn, loop)

    worker = import_module("procrastinate.worker").Worker
    after_first(worker, "_fetch_and_process_jobs", lambda: turn(asyncio.get_running_loop()))


def _when_called(owner: type, method: str, heart: Heart, first: Callable[[W], object]) -> None:
    """Arrange the rest when that method is called, on an object whose options are known by then."""
    original = getattr(owner, method)

    def wrapper(self: W, *args: object, **kwargs: object) -> object:
        _arrange(heart, lambda: first(self))
        return original(self, *args, **kwargs)

    setattr(owner, method, wrapper)


def _cap(owner: object, method: str, seconds_max: float) -> None:
    """Let a method that says how long to sleep say no more than that."""
    original = getattr(owner, method)

    def wrapper(*args: object, **kwargs: object) -> object:
        seconds = original(*args, **kwargs)
        return seconds and min(seconds, seconds_max)

    setattr(owner, method, wrapper)


LOOPS: Final[dict[str, Callable[[Heart], None]]] = {
    "celery-worker": _celery_worker,
    "celery-beat": _celery_beat,
    "rq": _rq,
    "rq-cron": _rq_cron,
    "huey": _huey,
    "dramatiq": _dramatiq,
    "django-q2": _django_q2,
    "django-tasks-db": _django_tasks_db,
    "procrastinate": _procrastinate,
}
"""By PROCESSION_READY, as procession.django.ready.HOOKS."""
