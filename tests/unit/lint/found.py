"""What single rules find in a topology that is written into a test, or built by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.lint.index import Index
from rabbit_topo.lint.types import Context
from rabbit_topo.load import load
from rabbit_topo.model import Topology, Vhost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rabbit_topo.lint.types import Hit, Rule
    from rabbit_topo.model import Resource


class Finder:
    """Runs the rules of one module."""

    def __init__(self, rules: Sequence[Rule], folder: Path) -> None:
        self._rules = {rule.code: rule for rule in rules}
        self._file = folder / "shop.yaml"

    def written(self, code: str, text: str, context: Context | None = None) -> list[Hit]:
        """Run a rule on a file."""
        self._file.write_text(f"version: 1\n{text}", encoding="utf-8")
        return self.topology(code, load(str(self._file)), context)

    def messages(self, code: str, text: str) -> list[str]:
        return [hit.message for hit in self.written(code, text)]

    def observed(self, code: str, *resources: Resource) -> list[Hit]:
        """Run a rule on what no file declares: a broker's topology."""
        return self.topology(code, Topology({one.key: one for one in (Vhost("/"), *resources)}))

    def topology(self, code: str, topology: Topology, context: Context | None = None) -> list[Hit]:
        return list(self._rules[code].check(Index(topology, context or Context())))
