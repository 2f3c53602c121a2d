"""Whether changed Python files can be compiled: one that cannot is not worth a restart."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable


def mistakes(paths: Iterable[str], directory: str) -> dict[str, str]:
    """`feeds/views.py:12: '(' was never closed` for each of the files that is Python and does not compile.

    Nothing is executed. The Python that compiles is the site's, which runs `procession` as well.
    """
    found = {path: _mistake(path, directory) for path in sorted(paths) if path.endswith(".py")}
    return {path: mistake for path, mistake in found.items() if mistake}


def _mistake(path: str, directory: str) -> str:
    try:
        with open(path, "rb") as file:
            source = file.read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A SyntaxWarning is for whoever runs it.
            compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"{os.path.relpath(path, directory)}:{error.lineno or 1}: {error.msg}{_line(error)}"
    except ValueError as error:
        return f"{os.path.relpath(path, directory)}: {error}"  # null bytes
    except OSError:
        pass  # gone meanwhile: that is a change like any other
    return ""


def _line(error: SyntaxError) -> str:
    text = (error.text or "").strip()
    return f": {text}" if text else ""
