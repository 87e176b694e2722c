"""The codes of what a file can have wrong: the linter's, so that one code names one problem everywhere."""

from __future__ import annotations

from typing import Final

from rabbit_topo.arguments.refused import PROPERTY, VALUE
from rabbit_topo.errors import SHAPE

__all__ = ["ABSENT_END", "BINDING", "POLICY", "PROPERTY", "RESERVED_NAME", "SHAPE", "TWICE", "VALUE"]

ABSENT_END: Final = "RT101"  # a binding's exchange or queue is not there
RESERVED_NAME: Final = "RT102"
BINDING: Final = "RT106"  # what a binding says to its exchange
TWICE: Final = "RT108"  # two declarations of one object
POLICY: Final = "RT110"
