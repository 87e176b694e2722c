"""Read topology files.

Events of the YAML parser become plain data with places (`yaml_nodes`), which is walked along its
shape (`structure`, `shapes`), laid over defaults and profiles (`merge`), and turned into the model
(`documents` and its neighbours). Each step reports what it finds and goes on with the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.load.problems import NOWHERE, Problems

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.load.yaml_nodes import Document
    from rabbit_topo.model import Topology

__all__ = ["load"]


def load(*paths: str | Path, vhost: str = "/") -> Topology:
    """Return what files and folders declare, taken together as one topology.

    A folder stands for every `*.yaml` and `*.yml` below it, less hidden ones and `rabbit-topo.yaml`.
    `vhost` is that of documents that name none. Raises `InputError` with every problem, each with file,
    line and column: the first 100 in `problems`, the number of all in `total`.

    >>> load("topology").vhosts
    ('/',)
    """
    from rabbit_topo.load import documents, paths as files_of  # noqa: I001 - YAML is imported when a file is read
    from rabbit_topo.load.yaml_nodes import parse

    problems = Problems()
    if not paths:
        problems.add(".", NOWHERE, "no topology file or folder is named", "name one, like `topology/`")
    files = files_of.topology_files(paths, problems)
    found: list[Document] = []
    for file in files:
        text = files_of.read_text(file, problems)
        if text is None:
            continue
        before = len(problems)
        read = [document for document in parse(text, file, problems) if document.root is not None]
        if not read and len(problems) == before:
            problems.add(file, 0, "this file is empty", "start it with `version: 1`")
        found += read
    return documents.topology(found, tuple(files), vhost, problems)
