"""Rules about the files themselves: their shape, and the comments that suppress findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.lint.types import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.lint.index import Index
    from rabbit_topo.lint.types import Hit

SHAPE: Final = "RT900"
UNUSED: Final = "RT901"
UNKNOWN: Final = "RT902"
_GOOD: Final = """\
version: 1
exchanges:
  shop.orders: {type: fanout}
queues:
  shop.mail: {bindings: [{exchange: shop.orders}]}
"""


def _found_by_reading(_: Index) -> Iterable[Hit]:
    """Find nothing: what reads the files finds these."""
    return ()


RULES: Final = (
    Rule(
        SHAPE,
        "schema",
        "error",
        default=True,
        why=(
            "The file does not have the shape of a topology: a key that nobody knows, a value of the wrong kind, a name"
            " that means nothing. Whatever it was meant to say is not said, and `plan` and `apply` refuse the file."
        ),
        bad=_GOOD.replace("{bindings", "{mesage_ttl: 1h, bindings"),
        good=_GOOD,
        hint="write what the message names",
        source="schemas/topology.schema.json",
        check=_found_by_reading,
    ),
    Rule(
        UNUSED,
        "unused-suppression",
        "warning",
        default=True,
        why=(
            "A comment suppresses a finding that is not there: it was mended, or the comment stands in another place"
            " than the finding. Left as it is, it hides the next one."
        ),
        bad=_GOOD.replace("  shop.mail", "  # rabbit-topo: ignore[RT201] comes later\n  shop.mail"),
        good=_GOOD,
        hint="take the comment out",
        source="docs/lint/README.md",
        check=_found_by_reading,
    ),
    Rule(
        UNKNOWN,
        "unknown-suppression",
        "warning",
        default=True,
        why=(
            "A comment names a rule that does not exist, says something else than `ignore[...]` or `file-ignore[...]`,"
            " or stands where it counts for nothing: it suppresses nothing."
        ),
        bad=_GOOD.replace("  shop.mail", "  # rabbit-topo: ignore[RT299] a slip\n  shop.mail"),
        good=_GOOD,
        hint="`rabbit-topo rules` lists all of them",
        source="docs/lint/README.md",
        check=_found_by_reading,
    ),
)
