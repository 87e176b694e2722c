"""Read single values of a configuration, and complain of wrong ones at their places."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from rabbit_topo.config.file import Text
from rabbit_topo.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.nodes import Node

_YAML_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class Nodes:
    """The nodes of one file, and the problems found in them; `shown` is how messages call the file."""

    def __init__(self, shown: str) -> None:
        """Start without problems."""
        self.shown = shown
        self.problems: list[Problem] = []
        self.meant: set[tuple[int, str]] = set()  # keys that stand misspelt in a mapping, known by its identity

    def says(self, node: Node, *keys: str) -> bool:
        """Say whether one of the keys stands in a mapping, well or badly; of what is none, no key is missed."""
        from yaml import MappingNode

        if not isinstance(node, MappingNode):
            return True
        written = {str(key.value) for key, _ in node.value}
        return any(key in written or (id(node), key) in self.meant for key in keys)

    def items(self, node: Node, what: str, known: tuple[str, ...] | None) -> Iterator[tuple[Text, Node]]:
        """Go through the keys of a mapping that are `known`, each once; None takes every key."""
        from yaml import MappingNode, ScalarNode

        if not isinstance(node, MappingNode):
            if not (known is None and _is_null(node)):
                self.complain(node, f"{what} must be a mapping of names to values, not {kind(node)}")
            return
        seen: dict[str, Text] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, ScalarNode):
                self.complain(key_node, f"a name is expected here, not {kind(key_node)}")
                continue
            key = self.place(key_node)
            if key.raw in seen:
                self.complain(key_node, f"{key.raw} is given twice; the first is on line {seen[key.raw].line}")
            elif known is not None and key.raw not in known:
                written = {str(other.value) for other, _ in node.value}
                close = difflib.get_close_matches(key.raw, [name for name in known if name not in written], n=1)
                hint = f"did you mean {close[0]}?" if close else f"possible here: {', '.join(known)}"
                self.meant.update((id(node), name) for name in close)
                self.complain(key_node, f"unknown key {key.raw} in {what}", hint)
            else:
                seen[key.raw] = key
                yield key, value

    def texts(self, node: Node, what: str, item: str, hint: str) -> Iterator[Text]:
        """Read a list of strings; `what` calls the list, and `item` one of them."""
        from yaml import SequenceNode

        if not isinstance(node, SequenceNode):
            self.complain(node, f"{what}, not {kind(node)}", hint)
            return
        for one in node.value:
            yield from self.text(item, one).values()

    def text(self, name: str, node: Node) -> dict[str, Text]:
        """Return a string that is not empty under its name, or nothing."""
        if node.tag != "tag:yaml.org,2002:str":
            self.complain(node, f"{name} must be a string, not {kind(node)}", "put it in quotes")
        elif not node.value:
            self.complain(node, f"{name} is empty")
        else:
            return {name: self.place(node)}
        return {}

    def boolean(self, name: str, node: Node) -> bool:
        """Return true or false, and true for what is neither."""
        if node.tag == "tag:yaml.org,2002:bool":
            return _YAML_BOOLEANS[node.value.lower()]
        self.complain(node, f"{name} must be true or false, not {kind(node)}")
        return True

    def place(self, node: Node) -> Text:
        """Return a scalar as written, and where."""
        return Text(node.value, self.shown, node.start_mark.line + 1, node.start_mark.column + 1)

    def complain(self, node: Node, message: str, hint: str = "") -> None:
        """Note what is wrong with a node."""
        mark = node.start_mark
        self.problems.append(Problem(self.shown, mark.line + 1, mark.column + 1, message, hint))


def _is_null(node: Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def kind(node: Node) -> str:
    """Call a node by what it is."""
    names = {"map": "a mapping", "seq": "a list", "str": "a string", "null": "nothing", "bool": "true or false"}
    return names.get(node.tag.rpartition(":")[2], "a number or another value")
