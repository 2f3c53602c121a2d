"""Commands of this machine, as an image has them."""

from __future__ import annotations

import pytest

from procession.engines.elsewhere import command_in_image
from tests.engines.stacks import stack_of

BEAT = ("python", "-m", "celery", "-A", "mysite", "beat")


@pytest.mark.parametrize(
    ("lease", "holder"),
    [
        (None, ()),
        ("redis://cache:6379/0", ("python", "-m", "procession.lease", "--name", "mysite/beat", "--")),
    ],
)
def test_what_runs_under_a_lease_does_so_in_the_image(lease: str | None, holder: tuple[str, ...]) -> None:
    declared = {"BACKEND": "celery-beat", "APP": "mysite", **({"LEASE": lease} if lease else {})}
    stack = stack_of({"beat": declared})
    beat = stack.process("beat")
    assert beat is not None
    assert command_in_image(beat.argv, stack, "python") == (*holder, *BEAT)


def test_djangos_own_lease_is_asked_for_in_the_image() -> None:
    stack = stack_of({"beat": {"BACKEND": "celery-beat", "APP": "mysite"}})
    beat = stack.process("beat")
    assert beat is not None
    python = beat.argv[0]
    argv = (
        python,
        "-m",
        "procession.django.lease",
        "--project",
        "/srv/mysite",
        "--name",
        "mysite/beat",
        "--",
        *beat.argv,
    )
    assert command_in_image(argv, stack, "python") == ("python", *argv[1:8], *BEAT)
