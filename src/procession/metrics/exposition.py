"""Prometheus' text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from procession.metrics.families import FAMILIES, Family

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
IN_HELP: Final = str.maketrans({"\\": "\\\\", "\n": "\\n"})
IN_LABEL: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


class Sample(NamedTuple):
    """One line. `values` are those of the family's labels, in their order; an empty one is as good as none."""

    family: Family
    values: tuple[str, ...]
    number: float


def exposition(samples: Iterable[Sample]) -> str:
    """All of it. Lines of a family stand together, whatever order they come in; a family without one is left out."""
    lines: dict[str, list[str]] = {}
    for sample in samples:
        lines.setdefault(sample.family.name, []).append(_line(sample))
    shown = [line for family in FAMILIES if family.name in lines for line in (*_head(family), *lines[family.name])]
    return "".join(f"{line}\n" for line in shown)


def _head(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help.translate(IN_HELP)}"
    yield f"# TYPE {family.name} {family.type.value}"


def _line(sample: Sample) -> str:
    assert len(sample.values) == len(sample.family.labels), f"{sample.family.name} has {sample.family.labels}"
    pairs = zip(sample.family.labels, sample.values, strict=True)
    labels = ",".join(f'{name}="{_harmless(value).translate(IN_LABEL)}"' for name, value in pairs if value)
    return f"{sample.family.name}{{{labels}}} {sample.number:.15g}" if labels else (
        f"{sample.family.name} {sample.number:.15g}"
    )  # fmt: skip


def _harmless(value: str) -> str:
    """Half a character, as in a file's name that is no UTF-8, cannot be sent."""
    return value.encode("utf-8", "replace").decode()
