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
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        mode = 0o666 & ~mask
        if target.is_file():
            old = target.stat()
            mode = stat.S_IMODE(old.st_mode)
            with suppress(OSError, AttributeError):  # as far as this user may; Windows knows no such thing
                os.chown(made, old.st_uid, old.st_gid)
        made.chmod(mode)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return made
