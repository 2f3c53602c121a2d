"""Reading an env file from disk. What its text means is `stack.dotenv`'s to say."""

from __future__ import annotations


def read_env_file(path: str) -> dict[str, str]:
    """The variables that the file sets. Raises OSError, or ValueError with the file and the line that is wrong."""
    from procession.stack.dotenv import parse  # here, because few processes have an env file

    with open(path, "rb") as file:
        data = file.read()
    try:
        found = parse(data.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}: line {line}: is not valid UTF-8") from None
    if found.problems:
        raise ValueError(f"{path}: {found.problems[0].what}")
    return found.values()
