"""The documentation's navigation and its pages are the same set."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from procession.refusal import ExitCode

ROOT = Path(__file__).parents[2]


def pages_in(navigation: object) -> Iterator[str]:
    """The paths in zensical.toml's `nav`, which nests lists of one-item tables."""
    match navigation:
        case str():
            yield navigation
        case list():
            for item in navigation:
                yield from pages_in(item)
        case dict():
            for item in navigation.values():
                yield from pages_in(item)


def test_every_page_is_in_the_navigation_once() -> None:
    navigation = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    pages = [str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(pages_in(navigation)) == sorted(pages)


def test_the_reference_is_what_the_code_says() -> None:
    checked = subprocess.run(
        [sys.executable, "script/reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_every_exit_code_has_its_row() -> None:
    rows = (ROOT / "docs/reference/exit-codes.md").read_text().splitlines()
    assert [row.split("|")[1].strip() for row in rows if row.startswith("| ")][1:] == [
        str(code) for code in map(int, ExitCode)
    ]
