"""Durations and sizes as a person writes them: "30s", "5m", "1.5h"; "512M", "2G". And one size that the kernel sets."""

from __future__ import annotations

from collections.abc import Mapping

UNIX_PATH_BYTES_MAX = 107  # unix(7): sun_path has 108 bytes, one of them for the final NUL

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
BYTES = {"": 1, "b": 1, "k": 2**10, "kb": 2**10, "kib": 2**10, "m": 2**20, "mb": 2**20, "mib": 2**20}
BYTES |= {"g": 2**30, "gb": 2**30, "gib": 2**30, "t": 2**40, "tb": 2**40, "tib": 2**40}


def seconds(text: str | float) -> float:
    """`30`, `"30"`, `"30s"`, `"5m"`, `"1.5h"`, `"1d"` in seconds. Raises ValueError for anything else."""
    if isinstance(text, int | float):
        return _not_negative(float(text))
    number, unit = _split(text)
    return _not_negative(number * _factor(SECONDS, unit or "s", text))


def size_bytes(text: str | int) -> int:
    """`1024`, `"512M"`, `"2GiB"` in bytes; K, M, G are powers of 1024. Raises ValueError for anything else."""
    if isinstance(text, int):
        return int(_not_negative(text))
    number, unit = _split(text)
    return int(_not_negative(number * _factor(BYTES, unit, text)))


def show_seconds(value: float) -> str:
    """A duration for a table: "0.3 s", "12 s", "4 min", "3 h", "12 d"."""
    if value < 10:
        return f"{value:.1f} s"
    for limit, factor, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if value < limit:
            return f"{value / factor:.0f} {unit}"
    return f"{value / 86400:.0f} d"


def show_bytes(value: float) -> str:
    """A size for a table: "512 B", "1.5 MB", "2.0 GB", in powers of 1024."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("the loop ends at GB")


def _split(text: str) -> tuple[float, str]:
    text = text.strip().lower()
    digits = len(text) - len(text.lstrip("0123456789.+-"))
    return float(text[:digits]), text[digits:].strip()


def _factor(table: Mapping[str, float], unit: str, text: str) -> float:
    if unit not in table:
        raise ValueError(f"unknown unit {unit!r} in {text!r}; known: {', '.join(name for name in table if name)}")
    return table[unit]


def _not_negative(value: float) -> float:
    if not value >= 0:  # also refuses nan
        raise ValueError(f"must not be negative, got {value}")
    return value
