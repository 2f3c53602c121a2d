"""What is shown of a log when something is wrong: the reason must be among it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from procession.console.lastlines import LINES, fold_libraries

FAILS = """\
import json

def shorten(value):
    return json.loads(
        value
    )

shorten("{")
"""


def test_calls_in_libraries_are_left_out_of_a_traceback(tmp_path: Path) -> None:
    script = tmp_path / "site.py"
    script.write_text(FAILS)
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    lines = ["before", *ended.stderr.splitlines(), "after"]
    assert fold_libraries(lines) == [
        "before",
        "Traceback (most recent call last):",
        f'  File "{script}", line 8, in <module>',
        '    shorten("{")',
        f'  File "{script}", line 4, in shorten',
        "    return json.loads(",
        "           ^^^^^^^^^^^",
        "  ...",
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "after",
    ]


def test_what_is_no_traceback_is_left_alone() -> None:
    lines = ["a:", "    b", "  ...", "", "  c"]
    assert fold_libraries(lines) == lines


def test_the_reason_is_among_the_last_lines_of_a_gunicorn_whose_workers_cannot_boot(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nonesuch_module\n")
    argv = [sys.executable, "-m", "gunicorn", "--workers", "2", "--bind", f"unix:{tmp_path / 's'}", "broken:app"]
    ended = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode in {1, 3}  # 1: it met the second worker's end while it ended because of the first's
    lines = ended.stderr.splitlines()
    assert len(lines) > LINES
    assert "ModuleNotFoundError: No module named 'nonesuch_module'" in fold_libraries(lines)[-LINES:]
