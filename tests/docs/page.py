"""A page of the documentation as its code blocks: what it tells its reader to type, to write, and to expect."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r'(?P<indent> *)```(?P<language>\w*)(?: +title="(?P<title>[^"]*)")?')
NOT_RUN = re.compile(r" *<!-- not run: (?P<reason>.+) -->")
INTERRUPT = "^C"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `title` names the file whose text it is; "" for none.

    `reason` is why no test does what it says, from a comment `<!-- not run: ... -->` above it; "" for none.
    """

    page: str
    line: int
    language: str
    title: str
    text: str
    reason: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> Iterator[Typed]:
        """What stands behind `$ `, each with what is shown below it; a comment behind it is left out."""
        text = self.text.replace("\\\n", "")
        for part in f"\n{text}".split("\n$ ")[1:]:
            command, shown = _to_its_end(part.splitlines())
            yield Typed(command.split("   #")[0].rstrip(), tuple(shown))


@dataclass(frozen=True, slots=True)
class Typed:
    command: str
    shown: tuple[str, ...]

    @property
    def before_interrupt(self) -> tuple[str, ...]:
        return self.shown[: self.shown.index(INTERRUPT)] if INTERRUPT in self.shown else self.shown


def _to_its_end(lines: list[str]) -> tuple[str, list[str]]:
    """A command, on as many lines as its quotation marks are open; and what is shown below it."""
    for number in range(1, len(lines)):
        if not _is_open("\n".join(lines[:number])):
            return "\n".join(lines[:number]), lines[number:]
    return "\n".join(lines), []


def _is_open(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:  # "No closing quotation"
        return True
    return False


def blocks(path: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    found, open_at, head, reason = [], 0, None, ""
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, start=1):
        match = FENCE.fullmatch(line.rstrip()) or (head and line.strip() == "```")
        if match and head is None:
            assert isinstance(match, re.Match)
            open_at, head = number, match
            reason = _reason(lines[:number])
        elif head is not None and line.strip() == "```":
            text = "".join(f"{inner.removeprefix(head['indent'])}\n" for inner in lines[open_at : number - 1])
            place = str(path.relative_to(ROOT))
            found.append(Block(place, open_at, head["language"], head["title"] or "", text, reason))
            head = None
    assert head is None, f"{path}:{open_at}: this block is not closed"
    return found


def _reason(above: list[str]) -> str:
    """What the comment says that stands right above a block, or with one empty line between; "" for none."""
    last = next((line for line in reversed(above[-3:-1]) if line.strip()), "")
    match = NOT_RUN.fullmatch(last)
    return match["reason"] if match else ""


def pages() -> list[Path]:
    """Every page that a reader may meet."""
    own = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "examples/feedreader/README.md")]
    return [*own, *sorted((ROOT / "docs").rglob("*.md"))]
