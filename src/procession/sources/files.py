"""Reading a declaration's file: what the system or the encoding says against it becomes a Problem."""

from __future__ import annotations

import os

from procession.errors import Problem

FILE_BYTES_MAX = 4 * 2**20


def read_text(path: str) -> str | Problem:
    """The file as text, without a byte order mark and with \\n line ends; a Problem (E032) if it cannot be had."""
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        return Problem("E032", os.path.basename(path), f"cannot be read: {error.strerror}", origin=path)
    if len(data) > FILE_BYTES_MAX:
        return Problem("E032", os.path.basename(path), f"is larger than {FILE_BYTES_MAX} bytes", origin=path)
    return decode(data, path)


def decode(data: bytes, path: str) -> str | Problem:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"is not valid UTF-8: byte 0x{data[error.start]:02x} in line {line}"
        return Problem("E032", os.path.basename(path), what, f"{path}:{line}", "save the file as UTF-8")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return Problem(
            "E032", os.path.basename(path), f"has a NUL character in line {line}", f"{path}:{line}", "take it out"
        )
    return text.replace("\r\n", "\n")
