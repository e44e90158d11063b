"""Writing result files: entirely or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from errno import ENOENT
from pathlib import Path

from lgsim.errors import LgsimError


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write a file so that nobody ever sees half of it.

    Parameters
    ----------
    path : path
        Replaced if it exists. Its folder must exist.
    data : bytes or str
        Text is written as UTF-8.

    Raises
    ------
    LgsimError
        If the file cannot be written; nothing is left behind.
    """
    target = Path(path)
    payload = data.encode() if isinstance(data, str) else data
    check_writable(target)
    if target.exists() and not target.is_file():
        _write_device(target, payload)
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("xb") as stream:
            stream.write(payload)
        temporary.replace(target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise _unwritable(target, error) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """LgsimError if a file can surely not be written; long work need not be done in vain then."""
    target = Path(path)
    if target.is_dir():
        raise LgsimError("cannot write: it is a folder", where=str(path), hint="name a file")
    if not target.parent.is_dir():
        raise _unwritable(target, FileNotFoundError(ENOENT, os.strerror(ENOENT)))


def _write_device(target: Path, payload: bytes) -> None:
    """Write to something that is not a regular file (/dev/stdout, a pipe) and must stay it."""
    try:
        with target.open("wb") as stream:
            stream.write(payload)
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> LgsimError:
    reason = (error.strerror or str(error)).lower()
    hint = "" if target.parent.is_dir() else f"create the folder '{target.parent}' first"
    return LgsimError(f"cannot write: {reason}", where=str(target), hint=hint)
