"""The pictures of the README: small, whole, and of what they are said to show."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from tests.docs.page import ROOT

BYTES_MAX = 150_000
RECORDING = ROOT / "docs/images/terminal.svg"


def test_the_recording_is_small_and_shows_what_was_typed() -> None:
    assert RECORDING.stat().st_size < BYTES_MAX
    rows = ["".join(text.itertext()) for text in ET.parse(RECORDING).iter("{http://www.w3.org/2000/svg}text")]
    for command in (
        "procession up -d",
        "procession status",
        "procession roll web",
        "procession logs web worker -n 5 --no-times",
    ):
        assert f"$ {command}" in [row.rstrip() for row in rows]
    killed = [row for row in rows if re.fullmatch(r"\$ kill -9 \d+ *", row)]
    assert killed


def test_the_recording_loads_nothing_and_runs_nothing() -> None:
    tags = {element.tag.rpartition("}")[2] for element in ET.parse(RECORDING).iter()}
    assert tags <= {"svg", "title", "style", "rect", "g", "text", "tspan"}
