"""Files of a git revision: read from the repository's objects, never checked out.

Three short `git` commands do it; none of them runs a hook, asks anybody, or talks to another host.
"""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rabbit_topo.errors import UsageError
from rabbit_topo.load.paths import MAX_BYTES, is_topology_name, text_of, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rabbit_topo.load.problems import Problems

PREFIX: Final = "git:"
_REF: Final = re.compile(r"(?![-^])[\w./@{}~^+#=,%-]+")
_SHOWN: Final = 300  # characters of what git says
# What decides on the repository stays as the user set it; what would change the answer or reach out does not.
_UNSET: Final = ("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS")
_SET: Final = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}
_LINK: Final = "120000"  # the mode of a symbolic link
_NOT_THERE: Final = (
    "there is no such file or folder at that revision",
    "paths begin at the top of the repository, or with ./ in this folder",
)
_SUBMODULE: Final = ("this folder is a submodule: its files are not in this repository", "look at it over there")
_PARTIAL: Final = (
    "this clone does not have the content of this file",
    "it is a partial clone, and nothing is fetched here: `git fetch --refetch --no-filter` gets all of it",
)
_LINKS: Final = {
    "symlink": ("this is a link that leads out of the repository", "name the file that it leads to"),
    "dangling": ("this is a link that leads to nothing at that revision", ""),
    "loop": ("this is a link that leads to itself", ""),
}
_HERE: Final = "run this inside a repository, or name files instead"


@dataclass(frozen=True, slots=True)
class _Object:
    """What a name leads to: a `blob` and its size in bytes, a `tree`, or what git says instead of them."""

    name: str
    kind: str
    size: int = 0


@dataclass(slots=True)
class Revision:
    """The files of one revision, in place of those on disk.

    `ref` is as the user wrote it. Paths are git's: from the top of the repository, or from here where they begin with
    `./` or `../`. Files are called `git:REF:PATH`. Opening it looks the revision up, once: raises UsageError where
    there is no git, no repository, or no such revision.
    """

    ref: str
    _tree: str = ""
    _here: str = ""
    _texts: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find the repository and the revision."""
        if not _REF.fullmatch(self.ref) or ".." in self.ref:
            raise UsageError(
                f"{self.ref!r} is no revision", "a branch, a tag or a commit, as in git:main or git:HEAD~1"
            )
        self._here = self._asked("rev-parse", "--show-prefix", hint=_HERE).strip("\n")
        self._tree = self._asked("rev-parse", "--verify", f"{self.ref}^{{tree}}").strip()

    def topology_files(self, paths: Sequence[str | Path], problems: Problems) -> list[str]:
        """Return the files to read, each once, in a fixed order; what is not there goes to `problems`.

        Links inside the repository are followed.
        """
        wanted = [self.path(str(given)) for given in paths]
        found: dict[str, _Object] = {}
        for path, there in zip(wanted, self._looked_up(wanted), strict=True):
            if there.kind == "tree":
                below = self._below(path, there.name, problems)
                if not below:
                    message = "there is no *.yaml or *.yml file in this folder at that revision"
                    unreadable(self.shown(path), problems, message, "name another folder")
                found |= {name: below[name] for name in sorted(below) if name not in found}
            else:
                found.setdefault(path, there)
        blobs = {path: there.name for path, there in found.items() if there.kind == "blob"}
        for path in sorted(found.keys() - blobs.keys()):
            self._missing(path, found[path].kind, problems)
        for path, there in zip(list(blobs), self._checked(blobs.values()), strict=True):
            if there.kind != "blob":
                unreadable(self.shown(path), problems, *_PARTIAL)
            elif there.size > MAX_BYTES:
                unreadable(self.shown(path), problems, "this file has more than 64 MB", "split it")
            else:
                continue
            del blobs[path]
        self._texts = dict(zip(map(self.shown, blobs), self._contents(blobs.values()), strict=True))
        return list(self._texts)

    def read_text(self, file: str, problems: Problems) -> str | None:
        """Return the text of a file that `topology_files` named, or None with the reason in `problems`."""
        return text_of(file, self._texts[file], problems)

    def shown(self, path: str) -> str:
        """Call a file as messages do, and as it can be named again."""
        return f"{PREFIX}{self.ref}:{path}"

    def path(self, given: str) -> str:
        """Return a path from the top of the repository. Raises UsageError for one that leads out of it."""
        relative = given in {".", ".."} or given.startswith(("./", "../"))
        path = posixpath.normpath(posixpath.join(self._here if relative else "", given))
        if path.startswith(("/", "../")) or path == ".." or not path.isprintable():
            raise UsageError(f"{given!r} is no path in the repository", "name it as git does: git:REF:PATH")
        return "" if path == "." else path

    def _below(self, folder: str, tree: str, problems: Problems) -> dict[str, _Object]:
        found: dict[str, _Object] = {}
        links: list[str] = []
        for entry in filter(None, self._asked("ls-tree", "-r", "-z", "--full-tree", tree).split("\0")):
            about, _, name = entry.partition("\t")
            mode, kind, sha = about.split()
            path = posixpath.join(folder, name)
            if any(part.startswith(".") for part in name.split("/")):
                continue
            if kind == "commit":
                unreadable(self.shown(path), problems, *_SUBMODULE)
            elif is_topology_name(posixpath.basename(name)):
                if mode == _LINK and "\n" not in path:
                    links.append(path)
                else:
                    found[path] = _Object(sha, kind)
        known = {there.name for there in found.values()}
        linked = zip(links, self._looked_up(links), strict=True)
        # A link to a file that is read anyway adds nothing.
        return found | {path: it for path, it in linked if it.kind != "tree" and it.name not in known}

    def _missing(self, path: str, why: str, problems: Problems) -> None:
        listed = self._asked("ls-tree", "-z", "--full-tree", self._tree, "--", path) if why not in _LINKS else ""
        if listed.startswith("160000"):
            unreadable(self.shown(path), problems, *_SUBMODULE)
        elif listed:
            unreadable(self.shown(path), problems, *_PARTIAL)
        else:
            unreadable(self.shown(path), problems, *_LINKS.get(why, _NOT_THERE))

    def _looked_up(self, paths: Sequence[str]) -> list[_Object]:
        """Ask what paths lead to, links followed as far as they stay in the revision."""
        return self._checked(f"{self._tree}:{path}" for path in paths)

    def _checked(self, names: Iterable[str]) -> list[_Object]:
        told = self._batch("--batch-check", names)
        found: list[_Object] = []
        while told:
            line, _, told = told.partition(b"\n")
            *names, last = line.decode(errors="replace").rsplit(" ", 2)
            if not last.isdigit():  # `missing`, and in newer releases `submodule`
                found.append(_Object("", last))
            elif len(names) == 2:  # noqa: PLR2004 - name and kind
                found.append(_Object(names[0], names[1], int(last)))
            else:  # `symlink`, `dangling`, `loop` or `notdir`, and a text of so many bytes
                found.append(_Object("", names[0]))
                told = told[int(last) + 1 :]
        return found

    def _contents(self, names: Iterable[str]) -> Iterator[bytes]:
        told = self._batch("--batch", names)
        while told:
            line, _, told = told.partition(b"\n")
            size = int(line.rpartition(b" ")[2])
            yield told[:size]
            told = told[size + 1 :]

    def _batch(self, how: str, names: Iterable[str]) -> bytes:
        if not (asked := "".join(f"{name}\n" for name in names)):
            return b""
        return self._run(("cat-file", how, "--follow-symlinks"), asked.encode(errors="surrogateescape"))

    def _asked(self, *words: str, hint: str = "") -> str:
        return self._run(words, b"", hint).decode(errors="surrogateescape")

    def _run(self, words: Sequence[str], told: bytes, hint: str = "") -> bytes:
        kept = {name: value for name, value in os.environ.items() if name not in _UNSET and "GIT_TRACE" not in name}
        try:
            done = subprocess.run(  # a list, and no shell
                ["git", "--no-pager", *words],  # noqa: S607 - the user's own git
                input=told,
                capture_output=True,
                env={**kept, **_SET},
                check=False,
            )
        except FileNotFoundError:
            raise UsageError(f"{PREFIX}{self.ref} needs git, and there is none", "install git, or name files") from None
        except OSError as error:
            raise UsageError(f"git cannot be run: {error.strerror}", "name files instead") from None
        if done.returncode == 0:
            return done.stdout
        said = " ".join(done.stderr.decode(errors="replace").split())[:_SHOWN] or f"exit code {done.returncode}"
        raise UsageError(f"{PREFIX}{self.ref} cannot be read; git says: {said}", hint or self._way_out(said))

    def _way_out(self, said: str) -> str:
        if "promisor" in said:
            return _PARTIAL[1]
        git = Path(self._asked("rev-parse", "--git-common-dir", hint=_HERE).strip("\n"))
        if (git / "shallow").exists():
            return "this clone is shallow: get the rest with `git fetch --unshallow` (in CI: fetch-depth: 0)"
        return "`git branch --all` and `git tag` list what there is"
