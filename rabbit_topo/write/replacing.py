"""Put a new text in the place of a file that was read, as long as it is still what was read."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

CHANGED: Final = "somebody else has changed it since it was read"
_ANY_WRITE: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def why_not(file: str) -> str:
    """Say why a file is not to be replaced, as far as can be told before; empty where it may be."""
    path = Path(file).resolve()
    if not path.stat().st_mode & _ANY_WRITE:  # root may write it, but somebody meant that nobody should
        return "it is read-only"
    if not os.access(path, os.W_OK):
        return "no permission"
    return "" if os.access(path.parent, os.W_OK) else f"no permission to write in {path.parent}"


def replace(file: str, before: bytes, after: bytes) -> None:
    """Put a file in the place of one that holds `before`, in one step; a link stays a link, mode and owner stay.

    Raises OSError, also where it holds something else by now.
    """
    path = Path(file).resolve()
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:200]}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(after)
            stream.flush()
            os.fsync(stream.fileno())
        old = path.stat()
        with suppress(OSError, AttributeError):  # as far as this user may; Windows knows no such thing
            os.chown(draft, old.st_uid, old.st_gid)
        draft.chmod(stat.S_IMODE(old.st_mode))
        _compare(path, before)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _compare(path: Path, before: bytes) -> None:
    if path.read_bytes() != before:
        raise OSError(errno.EBUSY, CHANGED)
