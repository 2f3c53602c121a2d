"""Compresses one rotated log file: `FILE` becomes `FILE.gz`. Run by the recorder as a process of its own."""

from __future__ import annotations

import os
import sys
import zlib

BLOCK_BYTES = 256 << 10
GZIP_FORMAT = 16 + zlib.MAX_WBITS


def compress(path: str) -> None:
    """Write `path`.gz beside it, then remove `path`: at any moment one of them is there and whole. Raises OSError."""
    partial = path + ".gz.partial"
    try:
        _write(path, partial)
        os.rename(partial, path + ".gz")
    except BaseException:
        os.unlink(partial)
        raise
    os.unlink(path)


def _write(path: str, partial: str) -> None:
    packer = zlib.compressobj(6, zlib.DEFLATED, GZIP_FORMAT)
    with open(path, "rb", opener=_open_itself) as source, open(partial, "wb", opener=_open_itself) as target:
        while block := source.read(BLOCK_BYTES):
            target.write(packer.compress(block))
        target.write(packer.flush())
        target.flush()
        os.fsync(target.fileno())  # before the only other copy goes
        found = os.fstat(source.fileno())
        os.utime(target.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))


def _open_itself(path: str, flags: int) -> int:
    """No link: whoever may write to the folder could make one to any file."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


if __name__ == "__main__":
    os.nice(19)
    try:
        compress(sys.argv[1])
    except OSError:
        sys.exit(1)
