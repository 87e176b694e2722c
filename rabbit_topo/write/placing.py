"""Put new files into a folder: all of them or none, and none in the place of another one unasked."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rabbit_topo.atomic import draft
from rabbit_topo.errors import UsageError
from rabbit_topo.filenames import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class _Undo(ExitStack):
    """What takes back the steps that were done, last one first; `stuck` names what could not be taken back."""

    def __init__(self, stuck: list[str] | None = None) -> None:
        super().__init__()
        self._stuck = [] if stuck is None else stuck

    def later(self, path: Path, step: Callable[[], object]) -> None:
        """Take this step at the end; its failure never stands in for the reason of the end."""

        def quiet() -> None:
            try:
                step()
            except OSError as error:
                self._stuck.append(f"{path}: {error.strerror or error}")

        self.callback(quiet)


def place(folder: Path, texts: Mapping[str, str], *, replace: bool = False) -> None:
    """Write texts to paths below a folder, which is made where it is missing.

    Without `replace` no file is written over. Raises `UsageError` where one cannot be written; then everything is as it
    was before. Raises `ValueError` for a path that leads out of the folder, or that would not be read there.
    """
    for path in texts:
        _check(path)
    for path in texts:
        _follow(folder, path)
    target = folder
    stuck: list[str] = []
    try:
        with _Undo(stuck) as folders, _Undo(stuck) as tidy, _Undo(stuck) as moved:
            drafts = []
            for path, text in texts.items():
                target = folder / path
                real = target.resolve() if replace and target.is_file() else target  # a link stays a link
                _make_folder(real.parent, folders)
                made = draft(real, text.encode())
                tidy.callback(made.unlink, missing_ok=True)
                drafts.append((made, real))
            for made, target in drafts:
                _move(made, target, tidy, moved, replace=replace)
            moved.pop_all()
            folders.pop_all()
    except OSError as error:
        raise UsageError(f"cannot write {target}: {_why(error, target)}", _hint(stuck)) from None


def _why(error: OSError, target: Path) -> str:
    if target.is_dir():
        return "it is a folder"
    if target.is_symlink() and not target.exists():
        return "it is there already, a link that leads nowhere"
    return "it is there already" if isinstance(error, FileExistsError) else error.strerror or str(error)


def _hint(stuck: list[str]) -> str:
    if stuck:
        return "could not be put back as it was: " + "; ".join(stuck)
    return "nothing was written; make room, or name another folder"


def _follow(folder: Path, path: str) -> None:
    """Refuse links that lead away: no reading of the project follows a linked folder below its topology."""
    target = folder / path
    *parents, _ = PurePosixPath(path).parts
    for depth in range(2, len(parents) + 1):
        linked = folder.joinpath(*parents[:depth])
        if linked.is_symlink():
            raise UsageError(
                f"cannot write {target}: {linked} is a link, and what lies behind it would not be read",
                "nothing was written; put a folder in its place, or name another folder",
            )
    if target.is_symlink() and target.exists():
        rooms = (folder.resolve(), target.parent.resolve())
        if not any(target.resolve().is_relative_to(room) for room in rooms):
            raise UsageError(
                f"cannot write {target}: it is a link to {target.resolve()}, outside of the folder",
                "nothing was written; remove the link, or name another folder",
            )


def _check(path: str) -> None:
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith(".") for part in parts)
    if not parts or path.startswith("/") or hidden or "\\" in path or not path.isprintable():
        raise ValueError(f"{path!r} is no path for a file of a project")
    if parts[-1] == CONFIG_NAME and len(parts) > 1:
        raise ValueError(f"{path!r} would not be read: it is called like the configuration")


def _make_folder(folder: Path, undo: _Undo) -> None:
    for one in [one for one in (folder, *folder.parents) if not one.exists()][::-1]:
        one.mkdir()
        undo.later(one, one.rmdir)


def _move(made: Path, target: Path, tidy: _Undo, undo: _Undo, *, replace: bool) -> None:
    if replace and target.is_file():
        before = made.with_name(f"{made.name}.before")
        shutil.copy2(target, before)
        back = tidy.enter_context(ExitStack())
        back.callback(before.unlink, missing_ok=True)

        def restore() -> None:
            try:
                before.replace(target)
            except OSError:
                back.pop_all()  # all that is left of it
                raise

        undo.later(target, restore)
        made.replace(target)
        return
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))  # ours from here on, whoever else writes here
    undo.later(target, target.unlink)
    made.replace(target)
