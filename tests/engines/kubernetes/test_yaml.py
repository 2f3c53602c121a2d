"""Any value survives: what our writer writes, PyYAML reads back; what the kubelet expands is what was meant."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from procession.engines.text.kubernetes import kubernetes_value
from procession.engines.text.yaml import yaml_documents, yaml_text
from tests.engines.kubernetes.kubelet import expand

TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # a lone surrogate is no text in any encoding
SCALAR = TEXT | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False, width=16)
DATA: st.SearchStrategy[Any] = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)
AWKWARD = ("100% $HOME $(x) $$", "a: b # c", " both ends ", "two\nlines\n", "\n\n", "'\"\\", "yes", "1e3", "0x1f", "~",
           "- a", "\x85\u2028\ufeff", "\U0001f980 ünïcode", "\t", "2001-01-01", "", "=", "<<", "12:30:45")  # fmt: skip


@settings(deadline=None)
@given(DATA)
def test_what_is_written_is_read_back(data: object) -> None:
    assert yaml.safe_load(yaml_text(data)) == data  # type: ignore[arg-type]


@settings(deadline=None)
@given(TEXT, st.integers(1, 5))
@example("line\n  indented\n\nlast", 3)
@example("  first line indented\nsecond line of it all, long enough\n", 1)
@example("a line that is long enough for a block\n# no comment\n--- no document\n", 1)
def test_a_long_text_of_several_lines_is_read_back(text: str, times: int) -> None:
    data: Any = {"key": [{"script": text * 40}, text * 40], "other": (text + "\n") * times * 20}
    assert yaml.safe_load(yaml_text(data)) == data


@pytest.mark.parametrize("value", AWKWARD)
def test_awkward_values_in_every_place(value: str) -> None:
    data: Any = {value or "k": value, "list": [value, [value], {"a": value}]}
    assert yaml.safe_load(yaml_text(data)) == data
    assert list(yaml.safe_load_all(yaml_documents([data, data]))) == [data, data]


def test_a_script_is_shown_as_one() -> None:
    text = yaml_text({"command": ["python", "-c", "import sys\nprint('hello', sys.argv)\nsys.exit(0)\n"]})
    assert text == (
        "command:\n  - python\n  - \"-c\"\n  - |\n    import sys\n    print('hello', sys.argv)\n    sys.exit(0)\n"
    )


@settings(deadline=None)
@given(st.text(st.sampled_from("$()aPATH \n")) | TEXT)
@example("$(PATH)")
@example("$$(PATH)$")
def test_the_kubelet_gives_the_process_what_was_meant(value: str) -> None:
    assert expand(kubernetes_value(value), {"PATH": "wrong", "A": "wrong", "": "wrong"}) == value


def test_without_the_escape_it_would_not() -> None:
    assert expand("$(PATH) $$", {"PATH": "wrong"}) == "wrong $"


def test_the_schemas_can_complain() -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({"apiVersion": "v1", "kind": "Service", "spec": {"ports": 1}}, "1.37", strict=True)
