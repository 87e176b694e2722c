"""Which files a topology is made of, and their text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rabbit_topo.filenames import CONFIG_NAME
from rabbit_topo.load.problems import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.load.problems import Problems

MAX_BYTES = 64 * 1024 * 1024
_ENDINGS = (".yaml", ".yml")


def topology_files(paths: Sequence[str | Path], problems: Problems) -> list[str]:
    """Return the files to read, each once, in a fixed order; what is not there goes to `problems`.

    They are spelled as they were given, but without a leading `./`: code scanners know a file by its path.
    """
    files: list[str] = []
    seen: set[str] = set()
    for given in paths:
        path = str(given)
        if os.path.isdir(path):  # noqa: PTH112 - paths are kept as they were given, for messages
            found = sorted(_below(path, problems))
            if not found:
                message = "there is no *.yaml or *.yml file in this folder"
                unreadable(path, problems, message, "name another folder, or write a topology file there")
        else:
            found = [path]
        for file in map(_plainly, found):
            if (identity := _identity(file)) not in seen:
                seen.add(identity)
                files.append(file)
    return files


def _plainly(file: str) -> str:
    rest = file.removeprefix("./").lstrip("/") if file.startswith("./") else file
    return rest or file


def _identity(file: str) -> str:
    try:
        return os.path.realpath(file)
    except (OSError, ValueError):  # reading it will say why
        return file


def read_text(file: str, problems: Problems) -> str | None:
    """Return a file's text, or None with the reason in `problems`."""
    data = read_data(file, problems)
    return None if data is None else text_of(file, data, problems)


def read_data(file: str, problems: Problems) -> bytes | None:
    """Return what a file holds, or None with the reason in `problems`."""
    try:
        with Path(file).open("rb") as stream:
            too_big = os.fstat(stream.fileno()).st_size > MAX_BYTES
            data = b"" if too_big else stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        unreadable(file, problems, "there is no such file or folder", "look at the spelling, and where you are")
        return None
    except (OSError, ValueError) as error:
        unreadable(file, problems, f"this file cannot be read: {getattr(error, 'strerror', None) or error}", "")
        return None
    if too_big or len(data) > MAX_BYTES:
        unreadable(file, problems, "this file has more than 64 MB", "split it: a folder is read as one topology")
        return None
    return data


def text_of(file: str, data: bytes, problems: Problems) -> str | None:
    """Return the text of a file's content, or None with the reason in `problems`."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        place = data.count(b"\n", 0, error.start) << 32 | len(data[start : error.start].decode(errors="replace"))
        hint = f"the first wrong byte is 0x{data[error.start]:02x}; save the file as UTF-8"
        return unreadable(file, problems, "this file is not UTF-8 text", hint, place)


def is_topology_name(name: str) -> bool:
    """Say whether a file of this name, in a folder that is named, is part of a topology."""
    return name.endswith(_ENDINGS) and not name.startswith(".") and name != CONFIG_NAME


def unreadable(file: str, problems: Problems, message: str, hint: str, place: int = NOWHERE) -> str | None:
    """Note why nothing can be told of a file."""
    problems.unreadable = True
    problems.add(file, place, message, hint)
    return None


def _below(folder: str, problems: Problems) -> Iterator[str]:
    def report(error: OSError) -> None:
        unreadable(str(error.filename), problems, f"this folder cannot be read: {error.strerror}", "")

    for current, folders, names in os.walk(folder, onerror=report):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if is_topology_name(name):
                yield os.path.join(current, name)  # noqa: PTH118 - the spelling of the caller is kept
