"""Whether YAML is a topology file: any other is not ours to write anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.filenames import TEST_ENDINGS
from rabbit_topo.load.documents import LIKE_DEFINITIONS, is_definitions
from rabbit_topo.load.nodes import BROKEN, YMap
from rabbit_topo.load.problems import NOWHERE, did_you_mean, quoted
from rabbit_topo.load.shapes import TEST_FILE, TOPOLOGY

if TYPE_CHECKING:
    from rabbit_topo.load.problems import Problems
    from rabbit_topo.load.yaml_nodes import Document

_OURS: Final = "fmt writes topology files alone: name those, or list them as `sources`"


def refuse_others(document: Document, problems: Problems) -> None:
    """Note why a document is no part of a topology; one with nothing in it might be.

    Its keys must be known, and it must say `version: 1`, as it must for the loader.
    """
    root, file, place = document
    if root is None or root is BROKEN:
        return
    if is_definitions(root):
        hint = f"`rabbit-topo import {file}` makes topology files of it"
        problems.add(file, NOWHERE, LIKE_DEFINITIONS, hint)
        return
    if file.endswith(".json"):
        problems.add(file, NOWHERE, "fmt writes YAML, and this file is named as JSON", "name it *.yaml to have it so")
        return
    if not isinstance(root, YMap):
        problems.add(file, place, f"this is no topology file: it holds {quoted(root)}, and no mapping", _OURS)
        return
    known = (TEST_FILE if file.endswith(TEST_ENDINGS) else TOPOLOGY).known
    for key in root:
        if key not in known:
            message = f"this is no topology file: the key {quoted(key)} is not known at the top of one"
            problems.add(file, root.key_place(key), message, did_you_mean(key, known) or _OURS)
            return
    if root and root.get("version") != 1:
        message = "this is no topology file: it does not say `version: 1`"
        problems.add(file, place, message, f"start it with `version: 1` if it is one; {_OURS}")
