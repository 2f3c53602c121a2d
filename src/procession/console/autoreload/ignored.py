"""Which files of a project nobody writes by hand: those that .gitignore names, and those that are never code.

As git has it (gitignore(5)): each folder may have a .gitignore, from the repository's top down; a deeper one wins, and
so does a later line; what is inside an ignored folder is ignored, whatever the lines say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from pathspec import GitIgnoreSpec

NAME = ".gitignore"
ALWAYS = GitIgnoreSpec.from_lines(
    [".git/", ".hg/", ".procession/", "__pycache__/", "node_modules/", "site-packages/", ".tox/", ".nox/", ".*_cache/"]
)
VIRTUAL_ENVIRONMENT = "pyvenv.cfg"  # marks the top folder of one (PEP 405)


class Ignored:
    """The rules of the repository that `root` is in; without one, those of `root` itself."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._specs: dict[str, GitIgnoreSpec] = {}
        top = _repository(root)
        for directory in _down(top, root):
            self._read(directory, os.path.join(directory, NAME))
        self._top_spec = _spec(os.path.join(top, ".git", "info", "exclude"))
        self._top = top

    def directories(self) -> Iterator[str]:
        """Every folder from `root` down that is not ignored, and its .gitignore with it."""
        waiting = [self.root]
        while waiting:
            directory = waiting.pop()
            self._read(directory, os.path.join(directory, NAME))
            yield directory
            waiting += [path for path in _folders(directory) if not self.has_folder(path)]

    def has_folder(self, path: str) -> bool:
        if ALWAYS.match_file(f"{os.path.basename(path)}/") or os.path.exists(os.path.join(path, VIRTUAL_ENVIRONMENT)):
            return True
        return self._matches(path, "/")

    def has_file(self, path: str) -> bool:
        """Whether a file in one of `directories()` is ignored."""
        return self._matches(path, "")

    def _matches(self, path: str, end: str) -> bool:
        directory = os.path.dirname(path)
        while True:
            spec = self._specs.get(directory)
            verdict = spec.check_file(os.path.relpath(path, directory) + end).include if spec else None
            if verdict is not None:
                return verdict
            if directory == self._top or directory == os.path.dirname(directory):
                return self._top_spec.match_file(os.path.relpath(path, self._top) + end)
            directory = os.path.dirname(directory)

    def _read(self, directory: str, file: str) -> None:
        self._specs[directory] = _spec(file)


def _spec(file: str) -> GitIgnoreSpec:
    try:
        with open(file, errors="replace") as lines:
            return GitIgnoreSpec.from_lines(lines)
    except (OSError, ValueError):  # none there, or a line that is no pattern
        return GitIgnoreSpec.from_lines([])


def _repository(root: str) -> str:
    """The top of the work tree that `root` is in, or `root`."""
    directory = root
    while not os.path.exists(os.path.join(directory, ".git")):
        if directory == os.path.dirname(directory):
            return root
        directory = os.path.dirname(directory)
    return directory


def _down(top: str, root: str) -> list[str]:
    """The folders from `top` to `root`, both included."""
    between = os.path.relpath(root, top)
    names = [] if between == "." else between.split(os.sep)
    return [os.path.join(top, *names[:count]) for count in range(len(names) + 1)]


def _folders(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []  # gone meanwhile, or not ours to read
