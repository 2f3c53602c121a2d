"""BACKEND finds its backend under each of its names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from procession.backends.registry import find, names, suggestion

OLD = "django_prodserver.backends."


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("gunicorn", "gunicorn"),
        (" gunicorn ", "gunicorn"),
        ("gunicorn-asgi", "gunicorn-asgi"),
        ("uvicorn-asgi", "uvicorn"),
        ("manage", "manage"),
        ("command", "command"),
        (OLD + "gunicorn.GunicornServer", "gunicorn"),
        (OLD + "servers.gunicorn.GunicornServer", "gunicorn"),
        (OLD + "uvicorn.UvicornServer", "uvicorn"),
        (OLD + "servers.uvicorn.UvicornServer", "uvicorn"),
        (OLD + "uvicorn.UvicornWSGIServer", "uvicorn-wsgi"),
        (OLD + "servers.uvicorn.UvicornWSGIServer", "uvicorn-wsgi"),
        (OLD + "waitress.WaitressServer", "waitress"),
        (OLD + "servers.waitress.WaitressServer", "waitress"),
        (OLD + "granian.GranianASGIServer", "granian-asgi"),
        (OLD + "servers.granian.GranianASGIServer", "granian-asgi"),
        (OLD + "granian.GranianWSGIServer", "granian-wsgi"),
        (OLD + "servers.granian.GranianWSGIServer", "granian-wsgi"),
    ],
)
def test_every_name_leads_to_its_backend(written: str, name: str) -> None:
    backend = find(written)
    assert backend is not None
    assert backend.name == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gunicron", "gunicorn"),
        ("Gunicorn", "gunicorn"),
        ("uvicorn_wsgi", "uvicorn-wsgi"),
        (OLD + "gunicorn.GunicornServr", "gunicorn"),
        ("xyzzy", ""),
    ],
)
def test_a_wrong_name_gets_the_nearest(written: str, meant: str) -> None:
    assert suggestion(written) == meant


def test_a_name_that_is_none_has_no_backend() -> None:
    assert find("gunicron") is None
    assert find("") is None
    assert find("no path.at all") is None


def test_a_dotted_path_is_a_foreign_class() -> None:
    backend = find("mysite.foreign.Own")
    assert backend is not None
    assert backend.name == "mysite.foreign.Own"


def test_names_are_unique_and_no_program_is_imported_for_them() -> None:
    program = "import sys; from procession.backends import registry; registry.names(); print(*sys.modules)"
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    servers = {"gunicorn", "uvicorn", "granian", "hypercorn", "daphne", "waitress", "cheroot", "celery", "django"}
    assert not servers & set(asked.stdout.split())
    assert len(set(names())) == len(names())


def test_a_third_party_names_its_backend_by_entry_point(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(
        "from dataclasses import replace\n"
        "from procession.backends.command import BACKEND\n"
        "MINE = replace(BACKEND, name='mine')\n"
    )
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[procession.backends]\nmine = theirs:MINE\n")
    program = "from procession.backends import registry; print(registry.find('mine').name, 'mine' in registry.names())"
    asked = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(tmp_path)}
    )
    assert asked.stdout == "mine True\n"
