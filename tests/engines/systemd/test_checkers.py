"""systemd's own checkers: not a word from `systemd-analyze verify`, exposure 2.0 or less; the page says what is on."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from procession.engines import files
from procession.engines.steps import drive
from procession.engines.systemd.hardening import ALWAYS, NOT_ROOT, OFF, SYSTEM
from procession.engines.systemd.options import Options
from procession.engines.systemd.render import render
from procession.engines.systemd.taking_in import verify
from procession.refusal import Refusal
from tests.engines.systemd.machine import REPOSITORY
from tests.engines.systemd.site import STACK, WEB, asked

EXPOSURE_MAX = 20  # tenths
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def put(directory: Path, options: Options) -> None:
    """Units of a user run as that user, so their declaration says none."""
    own = tuple(replace(process, user="", group="") for process in STACK.processes)
    stack = replace(STACK, processes=own) if options.user_mode else STACK
    rendering = render(stack, options)
    assert not [problem for problem in rendering.problems if problem.is_error]
    files.write(str(directory), rendering.files, files.compare(rendering.files, {}, "mysite"))


@needs_systemd
@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(supervisor=True),
        Options(user_mode=True),
        Options(user_mode=True, supervisor=True),
        Options(credentials=("key:/etc/key",), after=("postgresql.service",), writable_paths=("/srv/media",)),
    ],
)
def test_systemd_says_not_a_word(tmp_path: Path, options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # a user's manager needs it, and root may have none
    put(tmp_path, options)
    drive(verify(replace(asked(), directory=str(tmp_path), options=options)), print)


@needs_systemd
def test_what_systemd_does_not_take_is_refused(tmp_path: Path) -> None:
    put(tmp_path, Options())
    unit = tmp_path / "mysite-beat.service"
    unit.write_text(unit.read_text() + "MemoryLimit=1G\nNoSuchSetting=1\n")
    with pytest.raises(Refusal, match="NoSuchSetting"):
        drive(verify(replace(asked(), directory=str(tmp_path))), print)


@needs_systemd
def test_exposure_is_low(tmp_path: Path) -> None:
    put(tmp_path, Options())
    services = sorted(path.name for path in tmp_path.glob("*.service"))
    assert services
    for name in services:
        argv = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", f"./{name}"]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_the_page_says_what_is_on_and_what_is_off_and_why() -> None:
    page = (REPOSITORY / "docs/engines/systemd.md").read_text()
    for key, value, why in (*SYSTEM, *NOT_ROOT, *ALWAYS):
        assert f"| `{key}={value}` | {why} |" in page
    for key, why in OFF:
        assert f"| `{key}` | {why} |" in page


def test_a_setting_that_a_site_cannot_live_with_is_left_out() -> None:
    stack = replace(STACK, processes=(WEB,))
    text = render(stack, Options(unprotected=("SystemCallFilter",))).files[1].text
    assert "SystemCallFilter" not in text
    assert "ProtectSystem=strict" in text
