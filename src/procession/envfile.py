"""Reading an env file from disk. What its text means is `stack.dotenv`'s to say."""

from __future__ import annotations


def read_env_file(path: str) -> dict[str, str]:
    """The variables that the file sets. Raises OSError, or ValueError with the line that is wrong."""
    from procession.stack.dotenv import parse  # here, because few processes have an env file

    with open(path, encoding="utf-8-sig") as file:
        found = parse(file.read(), path)
    if found.problems:
        raise ValueError("; ".join(found.problems[0].lines()))
    return found.values()
