"""Which regular expressions every broker refuses: policies are matched by PCRE, which is not at hand here."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Final

LONGEST_PATTERN: Final = 1024  # bytes, since 4.3
_GLOB: Final = "this is a regular expression, not a glob: write .*"
# What PCRE, in every version and mode that a broker has it, refuses for the reason for which Python does. Python
# stops at the first thing that it does not know, so that nothing of PCRE's own stands before one of these.
_WRONG_EVERYWHERE: Final = (
    "unterminated character set",
    "missing ), unterminated",
    "unbalanced parenthesis",
    "min repeat greater than max repeat",
    "bad escape (end of pattern)",
)
_NOTHING_TO_REPEAT: Final = re.compile(r"(?:nothing to|multiple) repeat at position (\d+)")


@lru_cache(maxsize=4096)
def refused_pattern(pattern: str) -> str:
    """Say why no broker takes a policy's pattern; empty where one might.

    >>> refused_pattern("shop.*"), refused_pattern("*.shop")
    ('', 'nothing to repeat at position 0; this is a regular expression, not a glob: write .*')
    """
    said = _error(pattern)
    if not (said.startswith(_WRONG_EVERYWHERE) or _repeats_nothing(pattern, said)):
        return ""
    return f"{said}; {_GLOB}" if "repeat" in said and "*" in pattern else said


def _repeats_nothing(pattern: str, said: str) -> bool:
    found = _NOTHING_TO_REPEAT.match(said)
    at = int(found[1]) if found else 0
    return found is not None and pattern[at] != "{" and pattern[max(at - 1, 0) : at + 1] != "(*"  # a verb of PCRE's


def _error(pattern: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python may read otherwise one day
            re.compile(pattern)
    except FutureWarning:
        return ""
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return ""
