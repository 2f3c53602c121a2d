"""The metrics of a stack, made anew for who asks: by the command line, over HTTP, or on a page of the dashboard."""

from __future__ import annotations

import os
from collections.abc import Iterator

from procession.console.queue_answers import QueueAnswers
from procession.console.site_child import STACK_FILE
from procession.control.client import Client
from procession.metrics import families as f
from procession.metrics.exposition import Sample, exposition
from procession.metrics.queues import queue_samples
from procession.metrics.stack import stack_samples
from procession.recorder.reading.counts import read_counts
from procession.refusal import Refusal

ANSWER_SECONDS_MAX = 5.0  # less than Prometheus waits for us (scrape_timeout, 10 s)


class Measuring:
    """`refusal` is why the supervisor gave no status when it was asked last, None where it gave one."""

    def __init__(self, stack_directory: str, queues: QueueAnswers | None) -> None:
        self._stack_directory = stack_directory
        self._queues = queues
        self.refusal: Refusal | None = None

    def text(self) -> str:
        """All that can be known now, for Prometheus. Raises nothing: what cannot be known is left out."""
        return exposition([*self._of_stack(), *self._of_queues()])

    def _of_stack(self) -> Iterator[Sample]:
        """Where there has never been a supervisor, as in a container that is one process, none is missed."""
        self.refusal = None
        try:
            with Client(self._stack_directory) as client:
                status = client.call("status", timeout_seconds=ANSWER_SECONDS_MAX).data
        except Refusal as refusal:
            self.refusal = refusal
            if os.path.exists(os.path.join(self._stack_directory, STACK_FILE)):
                yield Sample(f.UP, (), 0)
            return
        yield from stack_samples(status, read_counts(self._stack_directory))

    def _of_queues(self) -> Iterator[Sample]:
        if self._queues is not None:
            yield from queue_samples(self._queues.fresh())
