"""Write the reference pages that the code itself knows; `--check` fails when one of them is not what it would write.

A page is a function in a file of `pages/`, which gives its whole text.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pages.backends import backends_page
from pages.commands import commands_page
from pages.engines import engines_page
from pages.events import events_page
from pages.problems import problems_page
from pages.settings import settings_page
from pages.states import states_page

REFERENCE = Path(__file__).parents[1] / "docs/reference"

PAGES = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "backends.md": backends_page,
    "engines.md": engines_page,
    "states.md": states_page,
    "problems.md": problems_page,
    "events.md": events_page,
}


def main() -> int:
    stale = [name for name, page in PAGES.items() if not is_fresh(REFERENCE / name, page())]
    if "--check" not in sys.argv:
        for name in stale:
            (REFERENCE / name).write_text(PAGES[name]())
            print(f"docs/reference/{name}: written")
        return 0
    for name in stale:
        print(f"docs/reference/{name} is not what script/reference.py writes: run it", file=sys.stderr)
    return 1 if stale else 0


def is_fresh(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
