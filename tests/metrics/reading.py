"""What a test reads back: the exposition, through prometheus_client's parser and Prometheus' own checker."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from shutil import which

import pytest
from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, frozenset[tuple[str, str]]]


class Numbers:
    """Every line of an exposition by its name and labels."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.types = {family.name: family.type for family in families}
        self.by_series: dict[Series, float] = {}
        for family in families:
            for sample in family.samples:
                series = (sample.name, frozenset(sample.labels.items()))
                assert series not in self.by_series, f"{series} is there twice"
                self.by_series[series] = sample.value

    def number(self, name: str, **labels: str) -> float:
        return self.by_series[name, frozenset(labels.items())]

    def all(self, name: str) -> dict[tuple[str, ...], float]:
        """Those of one family: by the values of their labels, ordered by the labels' names."""
        return dict(self._all(name))

    def _all(self, name: str) -> Iterator[tuple[tuple[str, ...], float]]:
        for (own, labels), number in self.by_series.items():
            if own == name:
                yield tuple(value for _, value in sorted(labels)), number


def promtool(*words: str, text: str = "") -> str:
    """What it has to say; it fails the test if it complains."""
    program = which("promtool") or pytest.skip("promtool is not installed (Debian's package prometheus)")
    done = subprocess.run([program, *words], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
