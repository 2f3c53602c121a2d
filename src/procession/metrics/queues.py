"""What a child in the site's Python says of the queues (see `procession.django.queues`), as samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from procession.metrics import families as f
from procession.metrics.exposition import Sample

WAITING = "waiting"


def queue_samples(answers: Iterable[Any]) -> Iterator[Sample]:
    """Of answers in the shape that `procession.django.queues` describes; what is asked for twice is said once."""
    depths: dict[tuple[str, ...], int] = {}
    tasks: dict[tuple[str, ...], int] = {}
    up: dict[tuple[str, ...], bool] = {}
    for answer in answers:
        runner = answer["runner"]
        up[(runner,)] = up.get((runner,), True) and not answer["trouble"]
        for queue, state, priority, number in answer["counts"]:
            if state == WAITING:
                depths[runner, queue, priority] = number
            else:
                tasks[runner, queue, state] = number
    yield from (Sample(f.QUEUES_UP, labels, is_up) for labels, is_up in up.items())
    yield from (Sample(f.QUEUE_DEPTH, labels, number) for labels, number in depths.items())
    yield from (Sample(f.QUEUE_TASKS, labels, number) for labels, number in tasks.items())
