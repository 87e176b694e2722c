"""Regular expressions: those of `owns` and `ignore` are read by Python, those of policies by the broker."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from rabbit_topo.arguments import refused_pattern
from rabbit_topo.load.values import Wrong, full_text, text

if TYPE_CHECKING:
    from rabbit_topo.model import Plain

_BACK_REFERENCE = re.compile(r"(?<!\\)(?:\\\\)*\\[1-9]")
_AMBIGUOUS = "ambiguous: "
_GLOB = "this is a regular expression, not a glob: write .*"


def pattern(value: Plain) -> Wrong | None:
    """Take a regular expression that can be one alternative among others."""
    if wrong := full_text(value):
        return wrong
    if said := _error(value):
        if said.startswith(_AMBIGUOUS):
            hint = "write a backslash before a bracket or sign that is meant as itself"
            return Wrong("a regular expression with one meaning", f"{said.removeprefix(_AMBIGUOUS)}; {hint}")
        return Wrong("a regular expression", _explained(value, said))
    if _error(f"(?:{value})|(?:)"):
        return Wrong("a regular expression", "patterns are joined to one: flags can only stand like (?i:this)")
    compiled = re.compile(value)
    if compiled.groupindex or (compiled.groups and _BACK_REFERENCE.search(value)):
        return Wrong("a regular expression without named groups and references to groups", "patterns are joined to one")
    return None


def policy_pattern(value: Plain) -> Wrong | None:
    """Take a regular expression of PCRE, the empty one too: refused is only what PCRE refuses for certain."""
    if wrong := text(value):
        return wrong
    said = refused_pattern(value)
    return Wrong("a regular expression", said) if said else None


def _error(value: str) -> str:
    """Return why Python cannot read a pattern, or an empty text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(value)
    except FutureWarning as warning:
        return _AMBIGUOUS + str(warning)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return ""


def _explained(value: str, said: str) -> str:
    return f"{said}; {_GLOB}" if "repeat" in said and "*" in value else said
