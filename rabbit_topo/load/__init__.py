"""Read topology files.

Events of the YAML parser become plain data with places (`yaml_nodes`), which is walked along its
shape (`structure`, `shapes`), laid over defaults and profiles (`merge`), and turned into the model
(`documents` and its neighbours). Each step reports what it finds and goes on with the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rabbit_topo.load.problems import NOWHERE, Problems

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rabbit_topo.errors import Problem
    from rabbit_topo.load.documents import Settled
    from rabbit_topo.load.yaml_nodes import Document
    from rabbit_topo.model import Key, Suppression, Topology

__all__ = ["Shelf", "Tolerant", "commented", "load", "tolerant"]


class Shelf(Protocol):
    """Where files are: on disk (`load.paths`) where none is named, or in a revision (`load.revisions`)."""

    def topology_files(self, paths: Sequence[str | Path], problems: Problems) -> list[str]:
        """Return the files to read, each once, in a fixed order; what is not there goes to `problems`."""

    def read_text(self, file: str, problems: Problems) -> str | None:
        """Return a file's text, or None with the reason in `problems`."""


@dataclass(frozen=True, slots=True)
class Tolerant:
    """What is right in files that may not be.

    `problems` are all that there are, by place; what they speak of is not in the topology. `damaged` are the objects
    that something was left out of which says where messages go: a binding that leads nowhere damages its ends.
    `partial` are those that anything else was left out of, and those that a policy may reach of which that is true.
    `comments` suppress findings.
    """

    topology: Topology
    problems: tuple[Problem, ...] = ()
    comments: tuple[Suppression, ...] = ()
    damaged: frozenset[Key] = frozenset()
    partial: frozenset[Key] = frozenset()


def load(*paths: str | Path, vhost: str = "/", tests: bool = False, shelf: Shelf | None = None) -> Topology:
    """Return what files and folders declare, taken together as one topology.

    A folder stands for every `*.yaml` and `*.yml` below it, less hidden ones and `rabbit-topo.yaml`.
    `vhost` is that of documents that name none. With `tests`, what route tests name must be there, too; a slip of the
    pen in a test is no reason not to deploy. Raises `InputError` with every problem, each with file, line and column:
    the first 100 in `problems`, the number of all in `total`. `shelf` is where the files are, if not on disk.

    >>> load("topology").vhosts
    ('/',)
    """
    problems = Problems()
    found = _read(paths, vhost, problems, tests=tests, shelf=shelf)
    problems.raise_if_any()
    return found.topology


def commented(*paths: str | Path, vhost: str = "/") -> Tolerant:
    """Return what `load` does, and the comments in these files that suppress findings. Raises as `load` does.

    >>> commented("topology").comments
    ()
    """
    problems = Problems()
    comments: list[Suppression] = []
    found = _read(paths, vhost, problems, comments)
    problems.raise_if_any()
    return Tolerant(found.topology, comments=tuple(comments))


def tolerant(*paths: str | Path, vhost: str = "/", shelf: Shelf | None = None) -> Tolerant:
    """Return what is right in files and folders, and what is wrong there.

    Paths, `vhost` and `shelf` are those of `load`. An object keeps what is right of it; one that cannot be what
    it was meant to be is left out, and so is a binding without both of its ends. Where a file is missing or is no YAML
    there is no telling what is right: raises `InputError` as `load` does.

    >>> tolerant("topology").problems
    ()
    """
    problems = Problems()
    comments: list[Suppression] = []
    found = _read(paths, vhost, problems, comments, tests=True, shelf=shelf)
    if problems.unreadable:
        problems.raise_if_any()
    return Tolerant(found.topology, problems.all(), tuple(comments), found.damaged, found.partial)


def _read(
    paths: tuple[str | Path, ...],
    vhost: str,
    problems: Problems,
    comments: list[Suppression] | None = None,
    *,
    tests: bool = False,
    shelf: Shelf | None = None,
) -> Settled:
    """Return a topology of what is right, and the objects of which something is missing.

    The comments that suppress findings are added to `comments`, where it is a list. With `tests`, a test that names
    what is not there is a problem.
    """
    from rabbit_topo.load import documents, paths as disk  # noqa: I001 - YAML is imported when a file is read
    from rabbit_topo.load.comments import suppressions
    from rabbit_topo.load.yaml_nodes import parse

    if not paths:
        problems.unreadable = True
        problems.add(".", NOWHERE, "no topology file or folder is named", "name one, like `topology/`")
    place: Shelf = shelf or disk
    files = place.topology_files(paths, problems)
    found: list[Document] = []
    for file in files:
        text = place.read_text(file, problems)
        if text is None:
            continue
        if comments is not None:
            comments += suppressions(text, file)
        before = len(problems)
        read = [document for document in parse(text, file, problems) if document.root is not None]
        if not read and len(problems) == before:
            problems.add(file, 0, "this file is empty", "start it with `version: 1`")
        found += read
    return documents.topology(found, tuple(files), vhost, problems, tests=tests)
