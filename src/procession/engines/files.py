"""Files that an engine reads and we write: each carries who wrote it and the hash of what was written.

So `apply` touches only what is ours, sees an edit that somebody made by hand, and shows what would change. The mark is
a comment in the first lines, in the file's own comment sign:

    # procession: mysite, do not edit: it is written anew by "procession apply"  sha256:0123456789abcdef

The hash is of the text without that line, so that a file without a change is the same byte for byte.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

ORDER = 'do not edit: it is written anew by "procession apply"'
MARK = re.compile(rf"^\W*procession: (?P<owner>.+), {ORDER}  sha256:(?P<hash>\w{{16}})\W*$")
HASH_LENGTH = 16
MARK_BYTES_MAX = 8192  # of one line: a path has 4096 at most
MARK_LINES = 3  # so far down at most: a shebang or a Dockerfile's directive may stand before it


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of an engine. `path` is relative to the engine's directory, `text` is without the mark.

    `comment` is how a line of comment looks, with {} for its words: "# {}", "<!-- {} -->"; "" for a file that can have
    none (JSON): it is always ours.
    """

    path: str
    text: str
    mode: int = 0o644
    comment: str = "# {}"

    def marked(self, owner: str) -> str:
        """What is written: the text, with the mark of `owner` as its first line (second, after a line of `#!`)."""
        if not self.comment:
            return self.text
        digest = hash_of(self.text)
        mark = self.comment.format(f"procession: {owner}, {ORDER}  sha256:{digest}")
        first, newline, rest = self.text.partition("\n")
        if first.startswith(("#!", "# syntax=")):
            return f"{first}{newline}{mark}\n{rest}"
        return f"{mark}\n{self.text}"


def owner_of(name: str, directory: str, engine: str) -> str:
    """The mark's owner, the stack of a project: two sites on one machine never touch each other's files, and one engine
    never another's.
    """
    return f"{name} of {directory} for {engine}"


class Change(StrEnum):
    """What became of a file, or would."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    EDITED = "edited by hand"  # ours, but its text is not what we wrote: replaced only when asked to
    FOREIGN = "not ours"  # in the way, without our mark or with another owner's: never touched
    GONE = "gone"  # ours, and no longer wanted


@dataclass(frozen=True, slots=True)
class Difference:
    """One file, there and wanted. `before` and `after` are whole texts with their marks, None where there is none."""

    path: str
    change: Change
    before: str | None
    after: str | None

    def lines(self) -> list[str]:
        """As `diff -u` has it."""
        before, after = (text.splitlines() if text is not None else [] for text in (self.before, self.after))
        names = ("/dev/null" if self.before is None else self.path, "/dev/null" if self.after is None else self.path)
        return list(difflib.unified_diff(before, after, *names, lineterm=""))


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


def compare(files: Iterable[File], there: Mapping[str, str], owner: str) -> list[Difference]:
    """What `apply` has to do. `there` are the texts in the engine's directory, by path: of all that we want to write,
    and of all that carry the mark of `owner`.
    """
    wanted = {file.path: file for file in files}
    found = [_difference(file, there.get(path), owner) for path, file in wanted.items()]
    found += [_leftover(path, text) for path, text in there.items() if path not in wanted and owned_by(text) == owner]
    return sorted(found, key=lambda one: one.path)


def _difference(file: File, before: str | None, owner: str) -> Difference:
    after = file.marked(owner)
    if before is None:
        return Difference(file.path, Change.NEW, None, after)
    if before == after:
        return Difference(file.path, Change.SAME, before, after)
    if not file.comment:
        return Difference(file.path, Change.CHANGED, before, after)
    owned = owned_by(before)
    if owned != owner:
        return Difference(file.path, Change.FOREIGN, before, after)
    return Difference(file.path, Change.CHANGED if is_untouched(before) else Change.EDITED, before, after)


def _leftover(path: str, text: str) -> Difference:
    return Difference(path, Change.GONE if is_untouched(text) else Change.EDITED, text, None)


def owned_by(text: str) -> str:
    """Whose file this is; "" if it carries no mark."""
    mark = _find_mark(text)
    return mark[1]["owner"] if mark else ""


def is_untouched(text: str) -> bool:
    """Whether a marked file is as it was written."""
    mark = _find_mark(text)
    if mark is None:
        return False
    number, match = mark
    lines = text.split("\n")
    return hash_of("\n".join(lines[:number] + lines[number + 1 :])) == match["hash"]


def _find_mark(text: str) -> tuple[int, re.Match[str]] | None:
    for number, line in enumerate(text.split("\n", MARK_LINES)[:MARK_LINES]):
        if match := MARK.match(line):
            return number, match
    return None


def read_there(directory: str, files: Iterable[File], owner: str) -> dict[str, str]:
    """The texts that `compare` asks for. Raises OSError."""
    found = read_wanted(directory, files)
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, directory)
            if relative not in found and _is_owned(path, owner):
                found[relative] = _read(path)
    return found


def read_wanted(directory: str, files: Iterable[File]) -> dict[str, str]:
    """The texts that stand where ours are wanted. Raises OSError."""
    paths = {file.path: os.path.join(directory, file.path) for file in files}
    return {path: _read(full) for path, full in paths.items() if os.path.lexists(full)}


def _read(path: str) -> str:
    """What is no file (a directory, a FIFO, a link that leads nowhere) has no text, and what is no text is read as if
    it were: neither carries a mark. Raises OSError.
    """
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read()


def _is_owned(path: str, owner: str) -> bool:
    """By its first lines: what is beside our files may be long, or no text at all, or a socket, or a link to ours."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return False
        with open(path, "rb") as file:
            first = b"".join(file.readline(MARK_BYTES_MAX) for _ in range(MARK_LINES))
    except (PermissionError, FileNotFoundError):  # a log that is rotated in this moment
        return False
    return owned_by(first.decode("utf-8", "replace")) == owner


def write(directory: str, files: Iterable[File], changes: Iterable[Difference]) -> None:
    """Put the new and changed ones in place, each at once (rename), and take away the gone ones. Raises OSError."""
    wanted = {file.path: file for file in files}
    for one in changes:
        target = os.path.join(directory, one.path)
        if one.after is None:
            os.unlink(target)
        elif one.change is not Change.SAME:
            replace_file(target, one.after, wanted[one.path].mode)


def replace_file(target: str, text: str, mode: int) -> None:
    """Put a whole file there at once: whoever reads it sees the old one or the new one. Raises OSError.

    Written as another file of ours alone: no link, and nobody else's file that is open to him.
    """
    os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
    part = f"{target}.{os.getpid()}.part"
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(fd, "w", encoding="utf-8") as file:
            os.fchmod(fd, mode)
            file.write(text)
            file.flush()
            os.fsync(fd)
        os.rename(part, target)
    except BaseException:
        os.unlink(part)
        raise
