"""From what a broker holds to documents as a person would write them, in plain values.

`select` says what is taken and why the rest is not; `documents` lays it out in files; `rabbit_topo.write` spells them.
"""

from rabbit_topo.adopt.selection import select
from rabbit_topo.adopt.spelling import escaped

__all__ = ["escaped", "select"]
