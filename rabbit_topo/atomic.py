"""Put a whole file in its place in one step, so that nobody ever reads half of it."""

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
_LONGEST: Final = 200  # characters of a name that a draft's name takes over


def replace_file(path: str | os.PathLike[str], data: bytes, *, was: bytes | None = None) -> None:
    """Put these bytes in the place of a file, or make it, in one step and safe from a power failure.

    A link stays a link; mode and, as far as this user may, owner stay. A new file is readable for whoever may read
    files here by default. With `was`, raises `OSError` (EBUSY) where the file holds anything else by now. Raises
    `OSError` where it cannot be written; then it is as it was, and nothing is left beside it.
    """
    target = Path(path).resolve()
    made = draft(target, data)
    try:
        if was is not None:
            _compare(target, was)
        made.replace(target)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def why_not(file: str) -> str:
    """Say why a file is not to be replaced, as far as can be told before; empty where it may be."""
    path = Path(file).resolve()
    if not path.stat().st_mode & _ANY_WRITE:  # root may write it, but somebody meant that nobody should
        return "it is read-only"
    if not os.access(path, os.W_OK):
        return "no permission"
    return "" if os.access(path.parent, os.W_OK) else f"no permission to write in {path.parent}"


def _compare(target: Path, was: bytes) -> None:
    if target.read_bytes() != was:
        raise OSError(errno.EBUSY, CHANGED)


def draft(target: Path, data: bytes) -> Path:
    """Return a whole hidden file beside a target, with the mode and owner that the target has or would get.

    Whoever asks for it moves or removes it. Raises `OSError`; then no draft is left.
    """
    mask = os.umask(0)
    os.umask(mask)
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:_LONGEST]}.", dir=target.parent)
    made = Path(name)
    try:
        old = target.stat() if target.is_file() else None
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            if old:
                _pass_on(old, stream.fileno())
            os.fsync(stream.fileno())
        made.chmod(stat.S_IMODE(old.st_mode) if old else 0o666 & ~mask)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return made


def _pass_on(old: os.stat_result, descriptor: int) -> None:
    """Give a new file the group and the owner of the old one, each as far as this user may."""
    if os.name != "posix":
        return
    new = os.fstat(descriptor)
    for now, user, group in ((new.st_gid != old.st_gid, -1, old.st_gid), (new.st_uid != old.st_uid, old.st_uid, -1)):
        if now:
            with suppress(OSError):
                os.fchown(descriptor, user, group)
