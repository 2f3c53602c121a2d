"""The C modules below `json` and `signal` do what `json` and `signal` do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.recorder import lean

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_json_writes_is_read(value: object) -> None:
    assert lean.parse_json(json.dumps(value)) == value
    assert lean.parse_json(f" {json.dumps(value, indent=1)}\r\n") == value


@given(st.text())
def test_a_quoted_text_is_what_json_writes(text: str) -> None:
    assert lean.quote_json(text) == json.dumps(text)


@pytest.mark.parametrize("text", ["", "{", "[1,", '{"a": }', "nul", "{} {}", '"\x00"', "[" * 100_000, "+1"])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        lean.parse_json(text)


def test_numbers_are_those_of_signal() -> None:
    assert (lean.SIGHUP, lean.SIGINT, lean.SIGTERM) == (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def test_an_idle_recorder_has_not_imported_what_is_heavy() -> None:
    """Each of these costs it up to a third of its memory."""
    root = Path(lean.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); import procession.recorder.recorder, procession.recorder.echo;"
        "print(*{'json', 'signal', 're', 'enum', 'dataclasses', 'typing', 'sqlite3', 'zlib', 'subprocess', 'logging',"
        "'pathlib', 'argparse', 'collections'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True)
    assert done.stdout.split() == []


def test_a_signal_is_a_byte() -> None:
    code = (
        f"import sys, os; sys.path.insert(0, {str(Path(lean.__file__).parents[2])!r})\n"
        "from procession.recorder import lean\n"
        "reading, writing = os.pipe2(os.O_NONBLOCK)\n"
        "lean.catch_signals((lean.SIGHUP, lean.SIGTERM), writing)\n"
        "os.kill(os.getpid(), lean.SIGHUP); os.kill(os.getpid(), lean.SIGTERM)\n"
        "os.write(1, os.read(reading, 10))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True)
    assert sorted(done.stdout) == [lean.SIGHUP, lean.SIGTERM]
