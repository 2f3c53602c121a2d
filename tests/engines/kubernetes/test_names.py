from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from procession.engines.kubernetes.lint import DNS_LABEL, LABEL_VALUE
from procession.engines.kubernetes.names import NAME_CHARS_MAX, label_value, labels, object_name
from procession.engines.kubernetes.pod import memory
from procession.stack.declare import NAME
from tests.engines.kubernetes.stacks import stack

NAMES = st.from_regex(NAME, fullmatch=True)


@settings(deadline=None)
@given(NAMES, NAMES)
def test_every_declared_name_becomes_a_valid_one(site: str, process: str) -> None:
    name = object_name(site, process)
    assert DNS_LABEL.fullmatch(name)
    assert name[0].isalpha()  # RFC 1035: a Service
    assert len(name) <= NAME_CHARS_MAX


@settings(deadline=None)
@given(st.text(min_size=1, max_size=80))
def test_so_does_any_other_text(text: str) -> None:
    assert DNS_LABEL.fullmatch(object_name(text))
    assert LABEL_VALUE.fullmatch(label_value(text))


@settings(deadline=None)
@given(NAMES, NAMES, NAMES)
def test_two_names_stay_two(site: str, one: str, other: str) -> None:
    assume(re.sub("_", "-", one.lower()) != re.sub("_", "-", other.lower()))  # E008 refuses those
    assert object_name(site, one) != object_name(site, other)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("mysite:1.4", "1.4"),
        ("registry.example:5000/mysite", None),
        ("registry.example:5000/mysite:v2@sha256:abc", "v2"),
    ],
)
def test_the_version_is_the_tag(image: str, version: str | None) -> None:
    assert labels(stack(), "web", image).get("app.kubernetes.io/version") == version


@pytest.mark.parametrize(("size", "text"), [(4 * 2**30, "4Gi"), (512 * 2**20, "512Mi"), (1536, "1536"), (2048, "2Ki")])
def test_memory(size: int, text: str) -> None:
    assert memory(size) == text
