"""Put a new text in the place of a file that was read, as long as it is still what was read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from rabbit_topo.atomic import replace_file

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
    """Put a file in the place of one that holds `before`, as `replace_file` does."""
    replace_file(file, after, was=before)
