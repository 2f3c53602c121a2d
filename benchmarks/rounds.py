"""Rounds: in each, every tool has its turn at every measurement, so that a noisy minute hits all of them alike."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.measurements.base import Measurement, NotOffered, Scale
from benchmarks.peers.base import Argv, Peer
from benchmarks.results import Result
from benchmarks.trial import trial_of


@dataclass(slots=True)
class Tally:
    """What one measurement has got from one tool so far, and why it got no more."""

    measurement: Measurement
    peer: Peer
    samples: dict[str, list[float]] = field(default_factory=dict)
    why_not: str = ""
    is_failure: bool = False

    def list_results(self) -> list[Result]:
        return [
            Result(row, self.peer.name, tuple(self.samples.get(row.key, ())), self.why_not, self.is_failure)
            for row in self.measurement.rows
        ]


def measure_all(peers: Sequence[Peer], measurements: Sequence[Measurement], scale: Scale, child: Argv) -> list[Result]:
    """One result for each row and tool. A tool that fails once has no further turn at that measurement."""
    tallies = [Tally(measurement, peer) for measurement in measurements for peer in peers]
    for number in range(1, scale.rounds + 1):
        for tally in tallies:
            if not tally.why_not:
                _take_turn(tally, scale, child)
                _tell(f"round {number} of {scale.rounds}: {tally.measurement.name}: {tally.peer.name}", tally)
    return [result for tally in tallies for result in tally.list_results()]


def _take_turn(tally: Tally, scale: Scale, child: Argv) -> None:
    """The border at which a tool's failure becomes a word in the table, and the others go on."""
    try:
        with trial_of(tally.peer, child, tally.measurement.count_instances(scale)) as trial:
            for key, samples in tally.measurement.take(trial, scale).items():
                tally.samples.setdefault(key, []).extend(samples)
    except NotOffered as reason:
        tally.why_not = str(reason)
    except (OSError, RuntimeError, TimeoutError, subprocess.TimeoutExpired) as error:
        tally.why_not, tally.is_failure = f"failed: {error}", True


def _tell(turn: str, tally: Tally) -> None:
    print(f"{time.strftime('%H:%M:%S')} {turn}: {tally.why_not or 'done'}", file=sys.stderr, flush=True)
