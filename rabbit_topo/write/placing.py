"""Put new files into a folder: all of them or none, and none in the place of another one unasked."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rabbit_topo.errors import UsageError
from rabbit_topo.filenames import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping


def place(folder: Path, texts: Mapping[str, str], *, replace: bool = False) -> None:
    """Write texts to paths below a folder, which is made where it is missing.

    Without `replace` no file is written over. Raises `UsageError` where one cannot be written; then everything is as it
    was before. Raises `ValueError` for a path that leads out of the folder, or that would not be read there.
    """
    for path in texts:
        _check(path)
    target = folder
    try:
        with ExitStack() as tidy, ExitStack() as undo:
            drafts = []
            for path, text in texts.items():
                target = folder / path
                _make_folder(target.parent, undo)
                drafts.append((_draft(target, text, tidy), target))
            for draft, target in drafts:
                _move(draft, target, tidy, undo, replace=replace)
            undo.pop_all()
    except OSError as error:
        why = "it is there already" if isinstance(error, FileExistsError) else error.strerror or str(error)
        hint = "nothing was written; make room, or name another folder"
        raise UsageError(f"cannot write {target}: {why}", hint) from None


def _check(path: str) -> None:
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith(".") for part in parts)
    if not parts or path.startswith("/") or hidden or "\\" in path or not path.isprintable():
        raise ValueError(f"{path!r} is no path for a file of a project")
    if parts[-1] == CONFIG_NAME and len(parts) > 1:
        raise ValueError(f"{path!r} would not be read: it is called like the configuration")


def _make_folder(folder: Path, undo: ExitStack) -> None:
    for one in [one for one in (folder, *folder.parents) if not one.exists()][::-1]:
        one.mkdir()
        undo.callback(one.rmdir)


def _draft(target: Path, text: str, tidy: ExitStack) -> Path:
    """Write a whole file beside its place, readable for whoever may read files here by default."""
    mask = os.umask(0)
    os.umask(mask)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    draft = Path(name)
    tidy.callback(draft.unlink, missing_ok=True)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(target.stat().st_mode & 0o777 if target.is_file() else 0o666 & ~mask)
    return draft


def _move(draft: Path, target: Path, tidy: ExitStack, undo: ExitStack, *, replace: bool) -> None:
    if replace and target.is_file():
        target = target.resolve()  # a link stays a link
        before = draft.with_name(f"{draft.name}.before")
        tidy.callback(before.unlink, missing_ok=True)
        shutil.copy2(target, before)
        draft.replace(target)
        undo.callback(before.replace, target)
        return
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))  # ours from here on, whoever else writes here
    undo.callback(target.unlink)
    draft.replace(target)
