"""`work` as a task of the runner that the settings chose, and how it is put into its queue."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings

from jobs.say import say_and_wait

enqueue: Callable[[str], object]


def _work(fifo: str) -> None:
    say_and_wait(fifo)


# Runners import a task by the name of its function, and must find the task there.
_work.__name__ = _work.__qualname__ = "work"
work: Any = _work

if settings.RUNNER == "celery":
    from celery import shared_task

    work = shared_task(name="jobs.tasks.work")(_work)
    enqueue = work.delay
elif settings.RUNNER == "django-tasks-db":
    from django_tasks import task

    work = task()(_work)
    enqueue = work.enqueue
elif settings.RUNNER == "django-q2":
    from django_q.tasks import async_task

    enqueue = partial(async_task, "jobs.tasks.work")
elif settings.RUNNER == "huey":
    from huey.contrib.djhuey import task as huey_task

    enqueue = work = huey_task()(_work)
elif settings.RUNNER == "dramatiq":
    import dramatiq

    work = dramatiq.actor(_work)
    enqueue = work.send
elif settings.RUNNER == "rq":
    import django_rq

    enqueue = partial(django_rq.enqueue, _work)
elif settings.RUNNER == "procrastinate":
    from procrastinate.contrib.django import app

    work = app.task(name="work")(_work)
    enqueue = partial(lambda task, fifo: task.defer(fifo=fifo), work)
